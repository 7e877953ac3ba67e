"""What is asked in passing: it answers nothing about the one who asks, and has the words of the stories in it."""

from __future__ import annotations

from bench.chats import tips, words
from bench.chats.teller import Plot, Teller


def about_a_city(t: Teller) -> None:
    city = t.any(*words.CITIES)
    t.user(f"What is {city} known for?", f"Is {city} worth a visit in winter?", f"What do people eat in {city}?")
    t.advise(f"{city} is best known for its old centre and its markets, and there's more to it than most guides say.",
             tips.TRAVEL, 4)  # fmt: skip


def about_a_dish(t: Teller) -> None:
    dish = t.any(*words.DISHES)
    t.user(f"What wine goes with {dish}?", f"Can one freeze {dish}?", f"How many calories does {dish} have?")
    t.advise(f"With {dish} there's some room, because every family makes it in another way.", tips.COOKING)
    t.user("Thanks, good to know.", "Ok, noted.")
    t.reply("With pleasure. Enjoy your meal!")


def about_growing(t: Teller) -> None:
    name = t.any(*words.VEGETABLES)
    t.user(f"Are {name} good for beginners?", f"What shouldn't stand next to {name} in a bed?")
    t.advise(f"On the whole, {name} are grateful if soil and water are right.", tips.GARDEN)


def about_houseplants(t: Teller) -> None:
    name = t.any(*words.PLANTS)
    t.user(f"Is a {name} poisonous for cats?", f"How big can a {name} become indoors?", f"How do I propagate a {name}?")
    t.advise(f"A {name} is a plant like many others in this respect; a look at the label helps.", tips.PLANTS)


def about_sleep(t: Teller) -> None:
    t.user("How long does caffeine stay in the body?", "How many hours of sleep do adults need?", "Are naps healthy?")
    t.advise("People differ, and age matters too. The average adult needs seven to eight hours.", tips.SLEEP)


def about_money(t: Teller) -> None:
    t.user(
        "Can you explain compound interest?", "What's the difference between a fund and an ETF?", "What is inflation?"
    )
    t.advise("In simple words: money that stays invested earns on what it has earned before.", tips.MONEY)
    t.user("And in one sentence, for my nephew?")
    t.reply("If you don't eat the apples but plant their seeds, you'll have an orchard one day.")


def about_running(t: Teller) -> None:
    t.user("Why does one get a stitch when running?", "What's a good cadence?", "Should I stretch before a run?")
    t.advise("Nobody knows for sure, but this is what most trainers say:", tips.RUNNING, 3)


def about_code(t: Teller) -> None:
    t.user("What does idempotent mean?", "When should I use a queue instead of a call?", "What's a race condition?")
    t.advise("Roughly: what happens twice should look as if it had happened once. In practice:", tips.CODING, 3)
    t.user("Do you have an example from daily life?")
    t.reply("Pressing the button of a lift: the second press changes nothing, however impatient you are.")


def about_paint(t: Teller) -> None:
    colour = t.any(*words.COLOURS)
    t.user(f"What goes with {colour}?", f"Does {colour} make a room look smaller?")
    t.advise(f"{colour.capitalize()} likes wood and brass, and it lives on the light it gets.", tips.HOME)


def about_dogs(t: Teller) -> None:
    t.user("Can dogs eat carrots?", "How much should a dog drink a day?", "At what age is a dog grown up?")
    t.advise("In moderation most things are fine. In general:", tips.PETS, 3)


def about_interviews(t: Teller) -> None:
    t.user("What do I wear to an interview?", "How long should a CV be?", "Is it rude to ask about pay?")
    t.advise("It depends on the field, but rarely does anybody fail because of that.", tips.CAREER, 3)


def about_lenses(t: Teller) -> None:
    lens = t.any(*words.LENSES)
    t.user(f"Is {lens} any good for portraits?", "What does the f-number mean?", f"Does {lens} need a hood?")
    t.advise("It's about how much light comes in, and how much of the picture is sharp.", tips.PHOTO, 3)


def about_languages(t: Teller) -> None:
    tongue = t.any(*words.LANGUAGES)
    t.user(f"Is {tongue} difficult?", f"How many people speak {tongue}?", f"How does one say thank you in {tongue}?")
    t.advise(f"{tongue} has its easy and its hard sides, like any language.", tips.LEARNING, 3)


def about_parties(t: Teller) -> None:
    theme = t.any(*words.THEMES)
    t.user(f"Some riddles about {theme}, please.", f"How do I make a cheap costume for {theme}?")
    t.advise(f"With {theme} nearly everything can be made of cardboard. And while we're at it:", tips.EVENTS, 3)


def wording(t: Teller) -> None:
    wish, answer = t.pair(_WORDINGS)
    t.user(wish)
    t.reply(answer)
    t.user("Much better, thanks!", "Perfect.")
    t.reply("You're welcome. Anything else?")


def small_talk(t: Teller) -> None:
    wish, answer = t.pair(_NICE_THINGS)
    t.user(wish)
    t.reply(answer)
    t.user("Ha, thanks.", "Good one.")
    t.reply("Any time!")


def conversion(t: Teller) -> None:
    wish, answer = t.pair(_CONVERSIONS)
    t.user(wish)
    t.reply(answer)


_WORDINGS = (
    (
        "Could you make this sound friendlier: 'Your invoice is overdue, pay by Friday.'",
        "How about this: 'Hello, a small reminder that our invoice is still open. It would be great if you could settle "
        "it by Friday. Thank you very much!' It says the same, and nobody feels scolded.",
    ),
    (
        "How do I say politely that I don't have time on Thursday?",
        "I would write: 'Thank you for asking! Thursday is full already, but I'd be glad to meet early next week.' "
        "Short, warm, and with an alternative.",
    ),
    (
        "Shorten this for me: 'We hereby inform you that the lift will be out of service until further notice.'",
        "'The lift is out of order for the time being. Sorry!' That's all anybody reads anyway.",
    ),
)
_NICE_THINGS = (
    (
        "Tell me something nice, it was a long day.",
        "Sea otters hold hands while they sleep, so that they don't drift apart. Sometimes they wrap themselves in kelp "
        "for the same reason. I find that a good way to end a day.",
    ),
    (
        "Do you know a joke?",
        "A man walks into a library and asks for a book about paranoia. The librarian whispers: it's right behind you.",
    ),
    (
        "I'm bored, entertain me.",
        "The shortest war in history is said to have lasted less than forty minutes. Some meetings take longer.",
    ),
)
_CONVERSIONS = (
    (
        "How many millilitres are in a cup?",
        "An American cup is about 240 millilitres, a metric one 250. For baking the difference hardly matters as long as "
        "you stay with one kind.",
    ),
    (
        "What's 68 degrees Fahrenheit in Celsius?",
        "It's 20 degrees Celsius. Subtract 32, multiply by five and divide by nine.",
    ),
    (
        "How long is a mile in km?",
        "A mile is 1.609 kilometres, so multiply by 1.6 in your head and you're close enough.",
    ),
)

PLOTS: tuple[Plot, ...] = (
    about_a_city, about_a_dish, about_growing, about_houseplants, about_sleep, about_money, about_running, about_code,
    about_paint, about_dogs, about_interviews, about_lenses, about_languages, about_parties, wording, small_talk,
    conversion,
)  # fmt: skip
