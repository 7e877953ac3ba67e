"""English."""

from __future__ import annotations

from engine.temporal.words.language import Language

_LEADS = "in|since|until|till|by|during|before|after|around|early|late|mid|through|throughout|end of|start of"
ENGLISH = Language(
    code="en",
    day_first=False,
    before={
        "last": -1,
        "this past": -1,
        "previous": -1,
        "this coming": 1,
        "coming": 1,
        "upcoming": 1,
        "next": 1,
        "this": 0,
        "the current": 0,
    },
    units={
        "day": "day",
        "days": "day",
        "weekend": "weekend",
        "weekends": "weekend",
        "week": "week",
        "weeks": "week",
        "wk": "week",
        "wks": "week",
        "month": "month",
        "months": "month",
        "year": "year",
        "years": "year",
        "yr": "year",
        "yrs": "year",
    },
    seasons={"spring": 0, "springtime": 0, "summer": 1, "summertime": 1, "autumn": 2, "fall": 2, "winter": 3},
    numbers={
        "a": 1,
        "an": 1,
        "one": 1,
        "two": 2,
        "three": 3,
        "four": 4,
        "five": 5,
        "six": 6,
        "seven": 7,
        "eight": 8,
        "nine": 9,
        "ten": 10,
        "eleven": 11,
        "twelve": 12,
        "fifteen": 15,
        "twenty": 20,
        "thirty": 30,
        "a couple of": 2,
        "couple of": 2,
        "a couple": 2,
        "a few": 3,
        "few": 3,
        "several": 4,
    },
    phrases={
        "the day before yesterday": (-2, "day"),
        "the day after tomorrow": (2, "day"),
        "the week before last": (-2, "week"),
        "the weekend before last": (-2, "weekend"),
        "the month before last": (-2, "month"),
        "the year before last": (-2, "year"),
        "the week after next": (2, "week"),
        "a fortnight ago": (-2, "week"),
        "half a year ago": (-6, "month"),
        "last night": (-1, "day"),
        "yesterday morning": (-1, "day"),
        "yesterday evening": (-1, "day"),
        "tonight": (0, "day"),
        "this morning": (0, "day"),
        "this afternoon": (0, "day"),
        "this evening": (0, "day"),
        "earlier today": (0, "day"),
        "tmrw": (1, "day"),
        "over the weekend": (0, "weekend"),
        "the weekend": (0, "weekend"),
        r"(?:every|each) (?:other )?\w+day": None,
        "this day": None,
        "this time": None,
        "last day": None,
        "past day": None,
        "next day": None,
        "the next day": None,
        "last days": None,
        "a fall": None,
        "to fall": None,
    },
    distances=(("{n} {unit} ago", -1), ("{n} {unit} back", -1), ("in {n} {unit}", 1), ("{n} {unit} from now", 1)),
    lasting=("(?:last|past|previous) {n} {unit}", "past {unit}"),
    ordinals=(
        "(?:on|by|until|since|till|around) the {day}(?:st|nd|rd|th)(?! (?!and|at|with|to|for|i|we|so|but|when))",
    ),
    month_leads=_LEADS,
    year_leads=f"{_LEADS}|from|to|of|year|circa|ca",
    links="of|in|the",
    decades=("the '?{decade}s",),
    future=(
        "will|going to|gonna|'ll|i'll|we'll|plan|plans|planning|planned for|next|coming|upcoming|soon|can't wait|"
        "looking forward"
    ),
    vague=(
        r"recently|lately|soon|ago|a while back|the other day|these days|nowadays|since|"
        r"(?:for|over|about|after|nearly|almost)\s+(?:the\s+)?(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|"
        r"several|many|(?:a\s+)?few|a\s+couple\s+of)\s+(?:days?|weeks?|months?|years?|decades?)|"
        r"\d{1,2}(?::\d\d)?\s*[ap]\.?m|at\s+(?:[01]?\d|2[0-4])(?::\d\d)?(?!\s*[\w%])|noon|midnight|"
        r"(?:every|each)\s+(?:other\s+)?(?:\w+day|night|morning|evening|afternoon|week|weekend|month|year)|"
        r"(?:mon|tues|wednes|thurs|fri|satur|sun|week)days|weekends|daily|weekly|monthly|yearly"
    ),
    asks=(
        r"^\W*(?:(?:and|so|but|hey|ok|okay|well|please|also)\W+)*(?:(?:since|until|till|by|from)\s+)?when\b(?!ever)|"
        r"\b(?:know|remember|recall|tell\s+me|tell\s+us|sure|wonder|wondering|ask|"
        r"figure\s+out|forgot|find\s+out|since|until|exactly)\s+when\b|,\s*when\b|"
        r"\b(?:what|which)(?:'s|\s+is|\s+was)?\s+(?:the\s+|exact\s+|calendar\s+)*"
        r"(?:dates?|days?|years?|months?|weeks?|weekend|seasons?|decade|time|birthday|century)\b|"
        r"\bhow\s+(?:long|recently|soon)\b|\bhow\s+many\s+(?:days|weeks|weekends|months|years)\b"
    ),
)
