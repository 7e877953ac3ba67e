"""French."""

from __future__ import annotations

from engine.temporal.words.language import Language

_LEADS = "en|de|du|depuis|jusqu'en|jusqu'à|pendant|début|fin|mi|vers|avant|après|au mois de|dès"
FRENCH = Language(
    code="fr",
    before={"ce": 0, "cet": 0, "cette": 0, "(?:le|la)? ?prochaine?": 1},
    after={"derni(?:er|ère)": -1, "passée?": -1, "précédente?": -1, "prochaine?": 1, "qui vient": 1, "suivante?": 1},
    units={
        "jour": "day",
        "jours": "day",
        "week-end": "weekend",
        "week-ends": "weekend",
        "weekend": "weekend",
        "semaine": "week",
        "semaines": "week",
        "mois": "month",
        "an": "year",
        "ans": "year",
        "année": "year",
        "années": "year",
    },
    seasons={"printemps": 0, "été": 1, "automne": 2, "hiver": 3},
    numbers={
        "un": 1,
        "une": 1,
        "deux": 2,
        "trois": 3,
        "quatre": 4,
        "cinq": 5,
        "six": 6,
        "sept": 7,
        "huit": 8,
        "neuf": 9,
        "dix": 10,
        "onze": 11,
        "douze": 12,
        "quinze": 15,
        "quelques": 3,
        "plusieurs": 4,
    },
    phrases={
        "hier soir": (-1, "day"),
        "hier matin": (-1, "day"),
        "avant-hier": (-2, "day"),
        "après-demain": (2, "day"),
        "la nuit dernière": (-1, "day"),
        "ce (?:matin|soir|midi)": (0, "day"),
        "cet après-midi": (0, "day"),
        "cette nuit": (0, "day"),
        "ce week-end": (0, "weekend"),
        "(?:a|ai|as|ont|avons|avez|avait|avais|aurait|jamais|toujours|déjà|bien|pas) été": None,
        "(?:chaque|tous les) (?:lun|mar|mercre|jeu|vendre|same)dis?": None,
        "(?:chaque|tous les) dimanches?": None,
        "par an": None,
        "par (?:jour|mois|semaine)": None,
    },
    distances=(("il y a {n} {unit}", -1), ("voilà {n} {unit}", -1), ("dans {n} {unit}", 1), ("d'ici {n} {unit}", 1)),
    lasting=("{n} derni(?:ers|ères) {unit}", "derni(?:ers|ères) {n} {unit}"),
    ordinals=("(?:le|depuis le|avant le|après le) {day}(?:er)?(?! ?[\\w%€])",),
    month_leads=_LEADS,
    year_leads=f"{_LEADS}|année|l'année|an",
    links="de|de l'année",
    decades=("années '?{decade}",),
    future="vais|vas|va|allons|allez|vont|prochaine?s?|bientôt|prévoi[st]",
    vague=(
        r"récemment|dernièrement|bientôt|autrefois|il y a (?:long)?temps|depuis|"
        r"(?:pendant|durant|après)\s+\w+\s+(?:jours?|semaines?|mois|ans?|années?)|à\s+\d{1,2}\s*(?:h|heures)\b|"
        r"(?:chaque|tous\s+les|toutes\s+les)\s+(?:\w+dis?|dimanches?|matins?|soirs?|nuits?|semaines?|mois|ans|années?)|"
        r"le\s+(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\s+à"
    ),
    asks=(
        r"^\W*(?:(?:et|depuis|jusqu'à|à\s+partir\s+de|pour)\s+)*quand\b|"
        r"\b(?:sais|savoir|sait|dis-moi|dire|rappelles?|souviens|souvient|depuis)\s+quand\b|\bc'est\s+quand\b|\bquand\s+est-ce\b|"
        r"\bquel(?:le)?s?\s+(?:est\s+|était\s+|fut\s+)?(?:la\s+|le\s+|l')?"
        r"(?:date|jour|année|mois|semaine|heure|époque|saison|moment|week-end)\b|"
        r"\bcombien\s+de\s+(?:temps|jours|semaines|mois|années)\b|\bil\s+y\s+a\s+combien\b"
    ),
)
