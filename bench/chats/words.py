"""Names and things that stories pick from."""

from __future__ import annotations

CITIES = (
    "Porto", "Ghent", "Ljubljana", "Palermo", "Gdansk", "Bergen", "Granada", "Trieste", "Lyon", "Aarhus", "Kotor",
    "Bristol", "Leipzig", "Tartu", "Split", "Malaga", "Basel", "Galway",
)  # fmt: skip
FRIENDS = (
    "Marta", "Joel", "Priyanka", "Tobias", "Ngozi", "Hanna", "Emre", "Lucía", "Kenji", "Astrid", "Malik", "Odile",
    "Stefan", "Yara", "Colm", "Beatriz", "Anton", "Farah", "Nils", "Ruth", "Diego", "Salma", "Viktor", "Ines",
)  # fmt: skip
RELATIVES = (
    "my sister", "my father", "my aunt", "my brother-in-law", "my grandmother", "my cousin", "my niece",
    "my mother-in-law", "my uncle", "my godson",
)  # fmt: skip
HOTELS = (
    "Casa do Limoeiro", "the Blue Heron", "Pension Adler", "Hotel Mirabel", "the Old Customs House", "Villa Serena",
    "the Weaver's Rest", "Hotel Kastanje", "Quay 14", "the Lantern Inn", "Hostal Dos Ríos", "the Copper Kettle",
    "Residence Elsa", "the Sailmaker", "Hotel Bellavista", "the Mill Loft",
)  # fmt: skip
DISHES = (
    "mushroom risotto", "lamb tagine", "vegetable lasagne", "Thai green curry", "beef stew", "paella",
    "chickpea curry", "moussaka", "ramen", "shakshuka", "pierogi", "fish pie", "jollof rice", "gnocchi",
)  # fmt: skip
PLANTS = (
    "monstera", "fiddle-leaf fig", "peace lily", "orchid", "basil", "lemon tree", "jade plant", "calathea",
    "boston fern", "aloe", "rubber plant", "spider plant",
)  # fmt: skip
LANGUAGES = ("Portuguese", "Japanese", "Finnish", "Turkish", "Korean", "Greek", "Dutch", "Arabic", "Polish", "Swahili")
COMPANIES = (
    "Norwind Energy", "Halden Logistics", "Brightloom", "Cobalt Health", "Ferrum Analytics", "Papaya Pay",
    "Lakeshore Media", "Quillworks", "Tessera Robotics", "Oakbridge Insurance", "Vantage Foods", "Mosaic Learning",
)  # fmt: skip
DOGS = ("Biscuit", "Otto", "Pepper", "Mochi", "Juno", "Ragnar", "Clementine", "Waffles", "Sable", "Fig")
ROOMS = ("kitchen", "bathroom", "hallway", "attic", "study", "living room", "guest room", "utility room")
COLOURS = (
    "sage green", "terracotta", "off-white", "navy", "mustard", "dusty pink", "charcoal", "pale blue", "plum",
    "warm grey", "olive", "burnt orange",
)  # fmt: skip
BOOKS = (
    "The Salt Roads North", "A Winter in Glass", "Cartography for Beginners", "The Last Ferryman", "Small Engines",
    "What the Tide Kept", "Eleven Kinds of Silence", "The Orchard Keeper's Son", "Night Trains", "Paper Lungs",
    "The Understudy", "Under a Tin Sky", "Letters to a Lighthouse", "The Botanist's Debt", "A Short Life of Stones",
    "Harbour Lights Out", "The Quiet Census", "Bread and Thunder",
)  # fmt: skip
SERVICES = (
    "billing-worker", "checkout-api", "image-resizer", "report-builder", "login-gateway", "search-indexer",
    "mail-relay", "inventory-sync", "pdf-export", "webhook-router",
)  # fmt: skip
AREAS = (
    "Northgate", "the old harbour", "Kestrel Park", "Millbrook", "the university quarter", "Sandhill", "Westferry",
    "the brewery district", "Linden Row", "Castle Hill",
)  # fmt: skip
INSTRUMENTS = ("cello", "clarinet", "accordion", "piano", "guitar", "flute", "violin", "trumpet", "harp", "saxophone")
PIECES = (
    "the Fauré elegy", "a Bach minuet", "the second Satie gymnopédie", "an old klezmer tune", "the Bartók dances",
    "a Piazzolla tango", "the Telemann fantasia", "a Schumann lullaby", "the Grieg waltz", "a Django number",
)  # fmt: skip
CARS = ("Skoda", "Volvo", "Fiat", "Corolla", "Golf", "Clio", "Mazda", "Peugeot", "Civic", "Dacia")
TOWNS_RACE = (
    "Lakeside half marathon", "Harbour 10k", "City marathon", "Three Bridges half marathon", "Forest trail race",
    "Riverbank 15k", "Autumn half marathon", "Hill fort run",
)  # fmt: skip
GIFTS = (
    "a cast-iron teapot", "a star map", "a pottery class voucher", "a woollen blanket", "a pocket telescope",
    "a leather notebook", "a set of linen napkins", "a bird feeder", "a record of old radio plays",
    "a pair of sheepskin slippers", "a hand-carved chessboard", "a cheese-making kit", "a framed botanical print",
    "a travel watercolour box", "a pair of gardening shears", "a mechanical puzzle",
)  # fmt: skip
THEMES = ("pirates", "dinosaurs", "outer space", "underwater creatures", "detectives", "circus", "robots", "jungle")
VEGETABLES = (
    "tomatoes", "courgettes", "runner beans", "beetroot", "leeks", "kale", "carrots", "peppers", "pumpkins",
    "radishes", "chard", "aubergines", "peas", "fennel",
)  # fmt: skip
TOPICS = (
    "coastal erosion", "sign language in schools", "urban beekeeping", "night-shift nurses", "peatland carbon",
    "second-hand clothing markets", "the history of tram networks", "water use in breweries", "dialects on the radio",
    "allotment gardens",
)  # fmt: skip
LENSES = (
    "the 35 mm f/1.8", "the 50 mm macro", "the 85 mm portrait lens", "the 24 mm pancake", "the 70-200 zoom",
    "the 16-55 zoom", "the 135 mm prime", "the 28 mm manual one",
)  # fmt: skip
HEROES = ("Ilse", "Bram", "Corvin", "Tamsin", "Odessa", "Jarek", "Wren", "Matthias", "Saoirse", "Lev", "Ottoline")
