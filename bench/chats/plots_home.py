"""Stories about the home, plants, animals, the car, money, health and celebrations."""

from __future__ import annotations

from bench.chats import tips, words
from bench.chats.teller import ANSWER, FACT, PAIR, REFERENCE, SEVERAL, UPDATE, Plot, Teller


def plant(t: Teller) -> None:
    name = t.pick(words.PLANTS)
    ill = t.user(
        f"My {name} looks sad. {t.any('Leaves drop from below', 'Sticky spots everywhere', 'The tips are brown')}, and "
        f"it stands {t.any('above the radiator', 'in a north window', 'next to the front door')}.",
    )
    t.advise("Let's find out what is wrong. Often it's one of these:", tips.PLANTS)
    t.user("How much water should it get exactly? I never know.")
    dose = t.answer(
        f"A {name} should never stand in wet soil, so water it by the calendar and not by feeling.",
        f"Give it about {t.number(150, 450, 50)} millilitres every {t.number(5, 12)} days, with water that has stood "
        "overnight, and empty the saucer after half an hour. In winter, stretch the pause by half.",
    )
    t.part()
    moved = t.user(
        f"I moved the {name} to the {t.any('bathroom', 'bedroom', 'kitchen')} and it has three new shoots!",
        f"Good news, since it stands in the {t.any('bathroom', 'bedroom', 'kitchen')} the {name} is growing again.",
    )
    t.reply("Then light or draught was the trouble. Leave it there and turn it a little every week.")
    pot = t.user(
        f"I also put it in a bigger {t.any('clay', 'glazed blue', 'self-watering')} pot, {t.number(18, 30)} cm across.",
    )
    t.advise("Don't feed it for the next six weeks.", tips.PLANTS, 2)
    t.part()
    given = t.user(
        f"A cutting of the {name} went to {t.pick(words.FRIENDS)}, in exchange for {t.any('honey', 'a jar of pickles')}.",
    )
    t.reply("The best currency there is.")
    t.ask(FACT, ill, f"What was wrong with the {name}?", f"Where did the {name} stand when it was ill?")
    t.ask(ANSWER, dose, f"How often and how much should I water the {name}?")
    t.ask(UPDATE, moved, f"Where in the flat is the {name} now?")
    t.ask(REFERENCE, pot, f"What size and kind of container does the {name} grow in?")
    t.ask(FACT, given, f"Who has an offshoot of my {name}?")


def dog(t: Teller) -> None:
    name, vet = t.pick(words.DOGS), t.pick(words.FRIENDS)
    kilos = t.number(14, 26)
    limp = t.user(
        f"{name} has been limping since {t.any('the walk on the beach', 'jumping off the sofa', 'yesterday morning')}. "
        "Vet or wait?",
    )
    t.advise("If there's no open wound, you can watch it for a day, but keep in mind:", tips.PETS)
    found = t.user(
        f"We went. It's {t.any('a torn claw', 'a strained ligament', 'early arthritis in the elbow', 'a grass seed in the paw')}"
        f", and he got drops, {t.number(3, 8)} in the morning and {t.number(2, 6)} at night.",
    )
    t.reply("Then everything is on its way. Short walks on the lead, no stairs, and no ball for the time being.")
    weight1 = t.user(f"They also put him on the scale: {kilos}.4 kg. That's too much, isn't it?")
    t.advise("A little, for his build. Small changes are enough:", tips.PETS, 3)
    t.part()
    food = t.user(
        f"{name} gets {t.any('the lamb and rice kibble', 'a salmon wet food', 'the light version from the vet')} now, and "
        "no more cheese.",
    )
    t.reply("Change it over slowly, otherwise his stomach complains.")
    weight2 = t.user(f"Weighed him again, {kilos - 1}.1 by now.")
    t.reply("Going in the right direction, and at a healthy pace.")
    t.part()
    weight3 = t.user(f"The scale said {kilos - 2}.6 this morning, the vest fits again.")
    t.reply("Wonderful. Hold that, and weigh once a month.")
    sitter = t.user(
        f"While we're away {vet} takes {name}, {t.number(15, 30)} a day, bring your own basket.",
        f"For the holidays {name} has a place at {vet}'s farm.",
    )
    t.reply("Leave a note with food, medicine, and the number of the practice.")
    t.ask(FACT, found, f"What did the vet find with {name}?", f"How many drops does {name} have to take?")
    t.ask(SEVERAL, (weight1, weight2, weight3), f"How did {name}'s weight develop?", f"What has {name} weighed so far?")
    t.ask(FACT, limp, f"Since when did {name} have trouble walking?")
    t.ask(FACT, food, f"What does {name} eat these days?")
    t.ask(FACT, sitter, f"Who looks after {name} when we travel?")


def renovation(t: Teller) -> None:
    room = t.pick(words.ROOMS)
    one, two = t.pick(words.COLOURS), t.pick(words.COLOURS)
    firm = t.pick(words.FRIENDS)
    size = t.user(
        f"We want to redo the {room}. It's {t.number(2, 4)}.{t.number(10, 95, 5)} by {t.number(3, 6)}.{t.number(10, 95, 5)} "
        "metres. What order do things go in?",
    )
    t.advise("From dirty to clean, and from top to bottom. Besides:", tips.HOME)
    colour = t.user(f"The walls will be {one}. {firm} thinks it's too dark, I don't.")
    t.reply(
        "Paint a large card and carry it around the room for two days. The floor changes a colour more than you think."
    )
    quote = t.user(
        f"Three quotes came in: {t.number(21, 29)}00, {t.number(30, 38)}00 and {t.number(40, 49)}00. The cheapest can't "
        "start before the holidays, the dearest wants half in advance.",
    )
    t.reply(
        "Ask what is included: removing the old floor, rubbish, and the electrician make most of the difference. Half "
        "in advance is a lot; a third is more usual."
    )
    hired = t.user("We went for the one in the middle.", "In the end we said yes to the cheapest, we can wait.")
    t.advise("Then put it in writing.", tips.HOME, 2)
    t.part()
    repaint = t.user(
        f"I gave in. After seeing it in daylight we've switched the {room} to {two}.",
        f"Change of heart about the {room}: not the colour I told you, we'll have {two}.",
    )
    t.reply("It's only paint, and far better before than after. Does the shop take the other tins back?")
    t.part()
    delay = t.user(
        f"The {room} is delayed. {t.any('They found damp behind the tiles', 'The wiring is from the fifties', 'The tiler broke his wrist')}"
        f", so it'll take {t.number(2, 5)} more weeks.",
    )
    t.reply("Annoying, but good that it came up now. Ask for a new date in writing, and for the extra cost.")
    extra = t.user(f"They say it adds {t.number(6, 19)}50 to the bill.")
    t.reply("Ask for the hours and the material one by one; often there's some air in it.")
    t.ask(FACT, size, f"How large is the {room}?")
    t.ask(
        PAIR,
        (quote, hired),
        f"What will the people who do the {room} charge?",
        f"Which quote for the {room} did we take?",
    )
    t.ask(UPDATE, repaint, f"What colour will the {room} be?", f"Which paint do I need for the {room}?")
    t.ask(REFERENCE, colour, f"What colour did I want in the {room} at the very beginning?")
    t.ask(FACT, delay, f"Why isn't the {room} finished yet?")
    t.ask(PAIR, (delay, extra), f"What does the surprise in the {room} cost us in time and money?")


def car(t: Teller) -> None:
    make, garage = t.pick(words.CARS), t.pick(words.FRIENDS)
    noise = t.user(
        f"The {make} makes a {t.any('grinding', 'whistling', 'clunking')} noise when I "
        f"{t.any('turn left', 'brake downhill', 'reverse out of the drive')}. Dangerous?",
    )
    guess = t.answer(
        f"A noise like that on a {make} has a few usual causes.",
        f"From that, I would think of {t.any('a worn wheel bearing', 'a stone behind the brake shield', 'a tired strut mount')} "
        f"first. Drive slowly, don't go on the motorway, and have it looked at within {t.number(3, 9)} days. If a "
        "warning light comes on or the pedal feels soft, stop at once.",
    )
    offer = t.user(
        f"{garage}'s garage wants {t.number(24, 49)}0, the dealer {t.number(55, 92)}0. Both have a slot on Thursday."
    )
    t.advise("Independent garages are fine once the warranty is over.", tips.MONEY, 2)
    booked = t.user("The small garage gets the job.", "I know it's dearer, but I'm taking it to the dealer.")
    t.reply("Ask them to show you the old part afterwards, it's a good habit.")
    t.part()
    cause = t.user(
        f"Turned out to be {t.any('a loose heat shield', 'a broken spring', 'a marten that had chewed the boot', 'a seized caliper')}. "
        "Nothing of what we thought.",
        f"You were wrong, by the way, it was {t.any('the exhaust hanger', 'a cracked bush', 'the water pump', 'a flat spot on the tyre')}.",
    )
    t.reply("From a description by text that happens. At least it's repaired now. Does it sound right again?")
    due = t.user(
        f"Like new. They say the {t.any('timing belt', 'clutch', 'battery')} is due before {t.any('winter', 'June')}."
    )
    t.advise("Plan for it now.", tips.MONEY, 2)
    t.ask(FACT, noise, f"When did the {make} make that sound?")
    t.ask(ANSWER, guess, f"What did you suspect was broken on the {make}?")
    t.ask(PAIR, (offer, booked), f"Who repaired the {make}, and at what price?", "What did the repair of the car cost?")
    t.ask(REFERENCE, cause, f"What was really the cause of the trouble with the {make}?")
    t.ask(REFERENCE, due, f"What has to be replaced next on the {make}?")


def savings(t: Teller) -> None:
    goal = t.any("a cargo bike", "a loft conversion", "a sabbatical", "a piano", "a camper van", "solar panels")
    rate = t.number(150, 420, 10)
    wish = t.user(
        f"I want to put money away for {goal}, around {t.number(4, 19)},500 in two years. Realistic?",
    )
    t.advise("Divide it by the months, and you know. What makes it easier:", tips.MONEY)
    plan = t.user(f"Then I'll transfer {rate} right after each payday.", f"Let's say {rate} a month.")
    t.reply("Good. Start with that, and look at it again in a quarter of a year.")
    t.part()
    more = t.user(
        f"I got a raise, so I can make it {rate + t.number(60, 140, 20)} from now on.",
        f"We cancelled two subscriptions, and what goes to the savings each month is {rate + t.number(60, 140, 20)} now.",
    )
    t.reply("Every bit brings the day closer. Change the standing order right away, before you get used to the money.")
    bank = t.user(
        f"It's at {t.any('the credit union', 'an online bank', 'the building society')} with {t.number(2, 3)}.{t.number(1, 9)} "
        "percent, but only until the end of the year.",
    )
    t.advise("Put a reminder in your calendar for when the rate ends.", tips.MONEY, 2)
    t.part()
    dip = t.user(
        f"I had to take {t.number(5, 14)}00 out again, {t.any('the washing machine died', 'tax bill', 'the roof leaked')}.",
    )
    t.reply("That's what reserves are for. Just don't stop the transfers.")
    t.ask(FACT, wish, "What am I saving for?", f"How much do I need for {goal}?")
    t.ask(UPDATE, more, "How much do I put aside every month at present?")
    t.ask(REFERENCE, plan, "With which monthly amount did I begin to save?")
    t.ask(REFERENCE, bank, f"Where is the money for {goal} kept, and at what interest?")
    t.ask(FACT, dip, "Why did I have to touch my reserves?", "What did I withdraw, and for what?")


def sleep(t: Teller) -> None:
    habit = t.user(
        f"I wake up at {t.number(2, 4)} every night and can't get back to sleep. I drink {t.number(4, 7)} coffees a day, "
        "could it be that?",
    )
    t.advise("It could well be. Caffeine stays longer than one thinks. Other things that help:", tips.SLEEP)
    rule = t.user(f"Ok: nothing with caffeine after {t.any('noon', 'one o’clock', 'eleven')}, starting tomorrow.")
    t.reply("Give it two weeks, and keep notes in the morning, one line is enough.")
    t.part()
    first = t.user(f"Week one: {t.number(4, 5)} and a half hours on average, head like cotton wool.")
    t.reply("The first days are the worst, since your body misses its coffee. Hang on.")
    pills = t.user(
        f"{t.pick(words.FRIENDS)} swears by {t.any('magnesium', 'lemon balm tea', 'tart cherry juice', 'valerian')}. "
        "Nonsense?",
    )
    t.reply(
        "The evidence is thin, but it does no harm in the usual amount. Ask your doctor if you take other medicine."
    )
    t.part()
    second = t.user(f"The average is up to {t.number(6, 7)} hours now, and only one bad night.")
    t.advise("What a change!", tips.SLEEP, 2)
    doctor = t.user(
        f"The doctor still wants to look at my {t.any('thyroid', 'iron', 'blood pressure')}, appointment on "
        f"{t.day(t.number(8, 20))} at {t.number(8, 11)}:{t.any('15', '30', '45')}.",
    )
    t.reply("Sensible. Take your notes along.")
    t.part()
    result = t.user(
        f"All fine at the doctor's, only {t.any('vitamin D', 'ferritin', 'B12')} is low. Last week I slept "
        f"{t.number(7, 8)} hours a night!",
    )
    t.reply("That's excellent news. Keep the habit, and have the value checked in three months.")
    t.ask(FACT, habit, "How much coffee did I drink when the bad nights began?", "At what time did I lie awake?")
    t.ask(FACT, rule, "Until when in the day may I have an espresso?")
    t.ask(SEVERAL, (first, second, result), "How has my sleep changed over the weeks?")
    t.ask(FACT, pills, "What natural remedy did a friend suggest for my nights?")
    t.ask(REFERENCE, doctor, "When do I have to be at the doctor's, and what for?")
    t.ask(FACT, result, "What did the blood test show?")


def party(t: Teller) -> None:
    child, theme, other = t.pick(words.HEROES), t.pick(words.THEMES), t.pick(words.THEMES)
    age, guests = t.number(5, 9), t.number(7, 14)
    wish = t.user(
        f"{child} turns {age} soon and wants a party about {theme}, with {guests} children. Help!",
        f"I have {guests} kids coming for the {age}th birthday of {child}. The wish is {theme}. Where do I begin?",
    )
    t.advise("Breathe! You need less than you think:", tips.EVENTS, 5)
    place = t.user(
        f"Our flat is too small, so I've rented the {t.any('scout hut', 'parish room', 'boathouse')} for {t.number(40, 110, 5)}.",
    )
    game = t.any("a treasure hunt with six envelopes", "a paper-rocket contest", "a relay with spoons and marbles")
    t.reply("Good idea, and nobody minds the crumbs. Look at it once beforehand, for sockets and toilets.")
    t.user("What game works for that age group if it rains?")
    hint = t.answer(
        f"When it rains, {age}-year-olds need a game that moves them indoors.",
        f"I would do {game}. It takes about {t.number(20, 40, 5)} minutes, needs hardly any material, and everybody "
        "is in it at the same time. Have small prizes for all, not only for the winner.",
    )
    allergy = t.user(f"Two of them are {t.any('allergic to eggs', 'vegan', 'not allowed gelatine')}, what cake then?")
    t.reply("A simple chocolate cake with oil and vinegar instead works for nearly all. Nobody will notice.")
    t.part()
    moved = t.user(
        f"Chickenpox! {child}'s party has to be put off to {t.day(t.number(14, 28))}.",
        f"Half of the class is ill, so {child} celebrates on {t.day(t.number(14, 28))}.",
    )
    t.reply("Poor thing. Send everybody a short note today, and ask at the place whether they have that day free.")
    mind = t.user(f"And of course it isn't about {theme} any more. Now it's {other}. Sigh.")
    t.advise("Children! Most of your plan still works.", tips.EVENTS, 2)
    t.ask(FACT, wish, f"How many children were invited by {child}?", f"How old is {child} going to be?")
    t.ask(FACT, place, "What did I rent so that the children have room?")
    t.ask(ANSWER, hint, "Which game for bad weather did you think of?")
    t.ask(FACT, allergy, "What do I have to respect when baking for the children?")
    t.ask(UPDATE, moved, f"On what day do we celebrate {child} now?")
    t.ask(UPDATE, mind, f"What does {child} want the party to be about by now?")


def leak(t: Teller) -> None:
    neighbour = t.pick(words.FRIENDS)
    number = f"{t.any('KR', 'TX', 'WB')}-{t.number(10000, 99999)}"
    found = t.user(
        f"There's water coming through the ceiling of our {t.pick(words.ROOMS)}! {neighbour} upstairs isn't answering.",
    )
    t.reply(
        "Turn off the electricity of that room, put buckets under it, and take pictures of everything. Then call the "
        "caretaker, who can shut off the riser. After that comes the insurance, today if possible."
    )
    reported = t.user(
        f"Reported it. The case is called {number}, and a Mr {t.any('Lund', 'Farkas', 'Okoye')} is in charge."
    )
    t.advise("Note that everywhere. And until somebody has looked at it:", tips.HOME, 3)
    t.part()
    cause = t.user(
        f"It was {t.any('the hose of the dishwasher', 'a cracked waste pipe', 'an overflowing aquarium')} at {neighbour}'s.",
    )
    t.reply("Then it's most likely a matter for their liability insurance, and yours will settle that with them.")
    t.user(f"The assessor comes on {t.day(t.number(5, 13))} between {t.number(8, 10)} and noon.")
    t.reply("Put the list of damaged things and the pictures on the table, and don't repair anything before.")
    t.part()
    later = t.user(f"The assessor rang, it'll be {t.day(t.number(4, 11))} instead.")
    t.reply("Ask them to confirm it in writing.")
    t.part()
    paid = t.user(
        f"They pay {t.number(11, 48)}80 for ceiling and rug, minus {t.number(100, 300, 50)} that I have to bear."
    )
    t.advise("Not bad.", tips.MONEY, 2)
    t.ask(FACT, reported, "What is my case number with the insurance?", "Who handles the water damage at the insurer?")
    t.ask(REFERENCE, cause, "What had caused the damage to our ceiling?", f"What broke at {neighbour}'s?")
    t.ask(UPDATE, later, "When will somebody come to inspect the damage?")
    t.ask(REFERENCE, paid, "How much does the insurance give us, and what is the excess?")
    t.ask(FACT, found, "In which room did it drip?")


def garden(t: Teller) -> None:
    one, two, three = (t.pick(words.VEGETABLES) for _ in range(3))
    plot = t.user(
        f"We got an allotment, {t.number(60, 180, 20)} square metres, heavy clay, shade from {t.any('a walnut', 'a shed')} "
        "in the afternoon. What grows there?",
    )
    t.advise("More than you'd think. Begin with these:", tips.GARDEN)
    first = t.user(f"Sowed {one} today, two rows.", f"The {one} went into the ground this morning.")
    t.reply("A good start. Mark the rows, one forgets faster than it sprouts.")
    t.part()
    second = t.user(
        f"Today it was the turn of the {two}. My back!", f"I've now planted out {two}, {t.number(8, 20)} of them."
    )
    t.advise("Water them in well, even if it looks like rain.", tips.GARDEN, 2)
    t.user(
        f"Something eats the {one}. {t.any('Tiny round holes', 'Bites from the edge', 'Whole seedlings gone overnight')}."
    )
    cure = t.answer(
        f"To protect your {one} you have to know who eats them.",
        f"That looks like {t.any('flea beetles', 'slugs', 'pigeons')}. Cover them with a fine net for "
        f"{t.number(2, 4)} weeks, and sprinkle {t.any('wood ash', 'rock dust', 'crushed eggshell')} between the plants "
        "after each rain.",
    )
    t.part()
    third = t.user(f"And {three} as well, so the last bed is full.")
    t.reply("Now comes the nice part: looking at it with a cup of tea.")
    crop = t.user(f"We ate our first own ones yesterday, {t.number(2, 9)}00 grams of {one}!")
    t.advise("There's nothing like it.", tips.GARDEN, 2)
    t.ask(
        SEVERAL,
        (first, second, third),
        "What have I planted on the allotment so far?",
        "Which vegetables did I put in?",
    )
    t.ask(FACT, plot, "What kind of soil and light does our plot have?", "How big is the allotment?")
    t.ask(ANSWER, cure, f"What did you advise me to do to save the {one}?")
    t.ask(FACT, crop, "What was our first harvest?")


PLOTS: tuple[Plot, ...] = (plant, dog, renovation, car, savings, sleep, party, leak, garden)
