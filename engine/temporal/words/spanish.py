"""Spanish."""

from __future__ import annotations

from engine.temporal.words.language import Language

_LEADS = "en|de|del|desde|hasta|durante|a principios de|a finales de|a mediados de|antes de|después de|hacia"
SPANISH = Language(
    code="es",
    before={
        "(?:el|la)? ?próxim[oa]": 1,
        "(?:el|la) pasad[oa]": -1,
        "(?:el|la)? ?últim[oa]": -1,
        "est[ea]": 0,
    },
    after={"pasad[oa]": -1, "anterior": -1, "que viene": 1, "próxim[oa]": 1, "siguiente": 1},
    units={
        "día": "day",
        "días": "day",
        "fin de semana": "weekend",
        "fines de semana": "weekend",
        "semana": "week",
        "semanas": "week",
        "mes": "month",
        "meses": "month",
        "año": "year",
        "años": "year",
    },
    seasons={"primavera": 0, "verano": 1, "otoño": 2, "invierno": 3},
    numbers={
        "un": 1,
        "una": 1,
        "uno": 1,
        "dos": 2,
        "tres": 3,
        "cuatro": 4,
        "cinco": 5,
        "seis": 6,
        "siete": 7,
        "ocho": 8,
        "nueve": 9,
        "diez": 10,
        "once": 11,
        "doce": 12,
        "un par de": 2,
        "unos": 3,
        "unas": 3,
        "algunos": 3,
        "algunas": 3,
        "unos pocos": 3,
        "varios": 4,
        "varias": 4,
    },
    phrases={
        "anoche": (-1, "day"),
        "antes de ayer": (-2, "day"),
        "anteayer": (-2, "day"),
        "antier": (-2, "day"),
        "pasado mañana": (2, "day"),
        "mañana por la (?:mañana|tarde|noche)": (1, "day"),
        "esta (?:mañana|tarde|noche)": (0, "day"),
        "(?:la|una|cada|de|buena) mañana": None,
        "otro día": None,
        "(?:cada|todos los) (?:lunes|martes|miércoles|jueves|viernes|sábados?|domingos?)": None,
        "este día": None,
    },
    distances=(("hace {n} {unit}", -1), ("{n} {unit} atrás", -1), ("dentro de {n} {unit}", 1), ("en {n} {unit}", 1)),
    lasting=("últim[oa]s {n} {unit}", "{n} últim[oa]s {unit}"),
    ordinals=("(?:el|del|desde el|hasta el) día {day}",),
    month_leads=_LEADS,
    year_leads=f"{_LEADS}|año|el año",
    links="de|del|del año",
    decades=("años '?{decade}",),
    future="voy a|vas a|va a|vamos a|van a|próxim[oa]s?|pronto|planeo|planeamos",
    vague=(
        r"recientemente|últimamente|pronto|hace poco|hace (?:mucho )?tiempo|desde|hoy en día|"
        r"(?:durante|por|tras)\s+\w+\s+(?:días?|semanas?|mes(?:es)?|años?)|a las \d{1,2}|"
        r"(?:cada|todos\s+los|todas\s+las)\s+(?:lunes|martes|miércoles|jueves|viernes|sábados?|domingos?|noches?|"
        r"mañanas?|tardes?|semanas?|mes(?:es)?|años?)|los\s+(?:lunes|martes|miércoles|jueves|viernes|sábados|domingos)"
    ),
    asks=(
        r"\bcuándo\b|^\W*(?:(?:y|desde|hasta|para)\s+)*cuando\b|"
        r"\b(?:qué|que|cuál|cual)\s+(?:es\s+|fue\s+|era\s+)?(?:la\s+|el\s+)?"
        r"(?:fecha|día|año|mes|semana|hora|época|estación|fin\s+de\s+semana)\b|"
        r"\bcuánto\s+(?:tiempo|hace|tarda|tardó|duró)\b|\bhace\s+cuánto\b|\bcuánt[oa]s\s+(?:días|semanas|meses|años)\b"
    ),
)
