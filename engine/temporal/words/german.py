"""German."""

from __future__ import annotations

from engine.temporal.words.language import Language

_LEADS = "in|im|seit|bis|ab|vor|nach|anfang|ende|mitte|von|vom|während|um"
GERMAN = Language(
    code="de",
    before={
        "letzt(?:e[nrms]?)": -1,
        "vergangene[nrms]?": -1,
        "vorige[nrms]?": -1,
        "nächste[nrms]?": 1,
        "kommende[nrms]?": 1,
        "diese[nrms]?": 0,
    },
    units={
        "tag": "day",
        "tage": "day",
        "tagen": "day",
        "wochenende": "weekend",
        "wochenenden": "weekend",
        "woche": "week",
        "wochen": "week",
        "monat": "month",
        "monate": "month",
        "monaten": "month",
        "jahr": "year",
        "jahre": "year",
        "jahren": "year",
    },
    seasons={"frühling": 0, "frühjahr": 0, "sommer": 1, "herbst": 2, "winter": 3},
    numbers={
        "ein": 1,
        "eine": 1,
        "einem": 1,
        "einer": 1,
        "einen": 1,
        "zwei": 2,
        "drei": 3,
        "vier": 4,
        "fünf": 5,
        "sechs": 6,
        "sieben": 7,
        "acht": 8,
        "neun": 9,
        "zehn": 10,
        "elf": 11,
        "zwölf": 12,
        "ein paar": 3,
        "einigen": 3,
        "einige": 3,
        "wenigen": 3,
        "mehreren": 4,
    },
    phrases={
        "gestern": (-1, "day"),
        "heute": (0, "day"),
        "vorgestern": (-2, "day"),
        "übermorgen": (2, "day"),
        "gestern abend": (-1, "day"),
        "gestern früh": (-1, "day"),
        "letzte nacht": (-1, "day"),
        "heute (?:abend|früh|morgen|mittag|nacht|nachmittag)": (0, "day"),
        "heuer": (0, "year"),
        "vorletzte woche": (-2, "week"),
        "vorletzten monat": (-2, "month"),
        "vorletztes jahr": (-2, "year"),
        "übernächste woche": (2, "week"),
        "am wochenende": (0, "weekend"),
        "(?:guten|jeden|diesen|den|der|zum|am) morgen": None,
        "(?:gestern|vorgestern) morgen": (-1, "day"),
        "letzte[nr]? tage?": None,
        r"jede[nrms]? \w+tag": None,
        "jede[nrms]? mittwoch": None,
    },
    distances=(("vor {n} {unit}", -1), ("in {n} {unit}", 1)),
    lasting=("(?:letzten|vergangenen) {n} {unit}",),
    ordinals=(r"(?:am|bis zum|seit dem|vom) {day}\.(?! ?\w)",),
    month_leads=_LEADS,
    year_leads=f"{_LEADS}|jahr|jahre|jahres|jahren",
    links="des jahres",
    decades=("{decade}ern?",),
    future="werde|wirst|wird|werden|werdet|kommenden?|nächste[nrms]?|bald|geplant|plane|planen",
    vague=(
        r"neulich|kürzlich|vor kurzem|bald|damals|seit|letztens|demnächst|"
        r"(?:für|über|nach|fast)\s+\w+\s+(?:tage[n]?|wochen?|monate[n]?|jahre[n]?)|\d{1,2}(?::\d\d)?\s*uhr|"
        r"jede[nrms]?\s+(?:\w+tag|mittwoch|abend|morgen|nacht|woche|monat|jahr)|"
        r"(?:mon|diens|donners|frei|sams|sonn)tags|mittwochs|täglich|wöchentlich|monatlich|jährlich"
    ),
    asks=(
        r"\bwann\b|\b(?:welche[mnrs]?|was\s+für\s+ein)\s+(?:genauen?\s+)?"
        r"(?:tag(?:en)?|datum|jahr(?:en|e)?|monat(?:en)?|woche|wochenende|uhrzeit|zeit|jahreszeit)\b|"
        r"\bwie\s+lange?\b|\bvor\s+wie\s*viele?n?\b|\bwie\s*viele?\s+(?:tage|wochen|monate|jahre)\b|\bwie\s+spät\b"
    ),
)
