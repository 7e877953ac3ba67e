"""Stories about travel, food, sport, reading, music, pictures and presents."""

from __future__ import annotations

from bench.chats import tips, words
from bench.chats.teller import ANSWER, FACT, PAIR, REFERENCE, SEVERAL, UPDATE, Plot, Teller

_MISHAPS = (
    "a rucksack stayed on the tram and we spent half a day at the lost property office",
    "my card was swallowed by a cash machine on the first day",
    "we missed the last ferry once and had to pay for a taxi",
    "there was no hot water for two mornings",
    "a gull stole the sandwiches right out of our hands",
    "we stood in front of the wrong museum in the rain for an hour",
)
_HIGHLIGHTS = (
    "the little puppet museum, where we stayed until they closed",
    "the swim in the harbour bath at sunset",
    "the cooking evening with the old fisherman, who showed us how to clean squid",
    "the night tour of the bell tower, from where you could see the hills",
    "the jazz trio in that laundrette",
    "the long breakfast on the roof among the swallows",
)


def trip(t: Teller) -> None:
    city, friend = t.pick(words.CITIES), t.pick(words.FRIENDS)
    first, second, third = (t.pick(words.HOTELS) for _ in range(3))
    t.user(
        f"I'd like to plan a few days in {city} with {friend}. Neither of us has ever been there, where do we start?",
        f"{friend} and I are thinking about a short holiday in {city}. Can you help me plan it?",
    )
    t.advise(f"{city} is a good choice for a short stay. Some things to think about first:", tips.TRAVEL)
    limits = t.user(
        f"We can spend about {t.number(600, 1500, 50)} euros between us, trains not included. And {friend} had a knee "
        "operation, so nothing up a hill or on the fourth floor please.",
        f"Two things: the two of us have put aside {t.number(600, 1500, 50)} euros for everything but the journey, and "
        f"since {friend}'s accident lots of steps are out of the question.",
    )
    options = t.reply(
        f"Then I would look at these three for {city}. {t.sentence(first)} is near the water, quiet, and has a lift. {t.sentence(second)} is run by a "
        f"family and stands next to the market hall; breakfast is included. {t.sentence(third)} is newer and a little outside, "
        "with a stop right at the door. All three are on level ground and leave you something for dinners.",
        f"In {city}, with that in mind: {first} (level entrance, five minutes from the station), {second} (small, very good "
        f"reviews for its breakfast, next to a park), or {third} (apartments with a kitchen, so you can save on "
        "meals). Prices are similar, so it's a matter of taste.",
    )
    choice = t.user(
        "The second one sounds most like us. I've just reserved it.",
        "We talked it over and took the last of the three. It's booked.",
        "I'd go for the one you named first. Done, confirmation is in my inbox!",
    )
    t.reply("Lovely. Save the confirmation offline too, and check until when you can cancel free of charge.")
    leaving = t.user(
        f"We leave on {t.day(t.number(30, 45))} and stay for {t.number(3, 6)} nights.",
        f"The train goes on {t.day(t.number(30, 45))} in the morning, and we come home {t.number(3, 6)} days later.",
    )
    t.advise("That gives you enough time without a rush. For the days before you go:", tips.TRAVEL, 3)
    t.part()
    moved = t.user(
        f"Change of plans for {city}: {friend} has to work, so we now start on {t.day(t.number(26, 40))}.",
        f"About {city}, the railway is on strike that week. We're going on {t.day(t.number(26, 40))} instead.",
    )
    t.reply(
        "Good that you found out early. Ask the place where you stay to move the reservation; most do it for nothing "
        "if you ask at least two weeks ahead. Then change the seats on the train."
    )
    t.user("They moved it without any fuss, very friendly people.")
    t.reply("Great, that is settled then. Anything else to prepare?")
    t.part()
    mishap = t.user(
        f"Back from {city}! Only bad moment: {t.pick(_MISHAPS)}.",
        f"We're home from {city}. The only hitch was that {t.pick(_MISHAPS)}.",
        f"So, {city} is behind us. It was great, though {t.pick(_MISHAPS)}.",
    )
    t.reply("Oh no, but it sounds as if it didn't spoil the rest. What did you like best?")
    best = t.user(
        f"Oh, {t.pick(_HIGHLIGHTS)}, without a doubt.", f"Probably {t.pick(_HIGHLIGHTS)}. We still talk about it."
    )
    t.reply("What a memory to bring home. Shall I help you to sort the photos or to write a review?")
    t.ask(FACT, limits, f"How much money did we have for the days in {city}?", f"What was our budget for {city}?")
    t.ask(FACT, limits, f"Why did we need somewhere without stairs on the holiday with {friend}?")
    t.ask(PAIR, (options, choice), f"Where did {friend} and I stay in {city}?", f"Which hotel did I book in {city}?")
    t.ask(UPDATE, moved, f"On what day do we set off for {city}, after the change?", f"When is the {city} trip now?")
    t.ask(REFERENCE, leaving, f"What was the date on which we first wanted to travel to {city}?")
    t.ask(FACT, mishap, f"What went wrong while we were in {city}?")
    t.ask(
        REFERENCE, best, f"What was the highlight of our holiday in {city}?", f"What did {friend} and I love in {city}?"
    )


def dinner(t: Teller) -> None:
    dish, guest, other = t.pick(words.DISHES), t.pick(words.FRIENDS), t.pick(words.FRIENDS)
    heads, minutes = t.number(5, 9), t.number(35, 95, 5)
    spice = t.any("smoked paprika", "a strip of orange peel", "two anchovies", "a spoonful of miso", "star anise")
    asked = t.user(
        f"I'm cooking {dish} for {heads} people on Saturday. How do I scale it up, and what can go wrong?",
        f"There will be {heads} of us at the table this weekend and I promised {dish}. Any tips?",
    )
    t.advise(f"{dish.capitalize()} is forgiving, which is good for a crowd. Keep in mind:", tips.COOKING)
    allergy = t.user(
        f"One complication, {guest} gets a rash from sesame and {other} doesn't touch anything with coriander.",
        f"I forgot: {guest} can't have nuts at all, not even traces, and {other} has given up dairy.",
        f"{guest} is coeliac by the way, and {other} hates mushrooms with a passion.",
    )
    t.reply(
        "Good to know in time. Check the labels of stock cubes and sauces, because that's where such things hide, and "
        "keep a separate bowl for what goes on top. Most of the dish isn't touched by it."
    )
    t.user("Can you also tell me how long it takes and whether there is a trick for more depth?")
    trick = t.answer(
        f"For {dish} with more depth there is a trick, and the time is easy to plan.",
        f"Count on {minutes} minutes once everything is cut. For depth, add {spice} when the onions are soft; it "
        "doesn't taste of itself in the end, everything is just rounder. Leave the lid off for the last part.",
        f"My suggestion: {spice}, added early, gives it a savoury bottom note. From the first onion to the table you "
        f"need {minutes} minutes, or ten more if the pot is very full.",
    )
    t.part()
    result = t.user(
        f"The {dish} was a hit! Only I burnt the first batch because {t.any('the phone rang', 'the dog escaped')}.",
        f"Report from Saturday: plates of {dish} were scraped clean, but I had made far too little rice.",
    )
    t.reply("Congratulations! Write down what you would change, so that it is even easier the next time.")
    bring = t.user(
        f"{other} brought {t.any('a plum tart', 'a pavlova', 'poached pears', 'a baklava tray')} and I need to ask for "
        "the recipe.",
        f"And {other} took over the dessert, {t.any('a rhubarb crumble', 'a tiramisu', 'a lemon posset')}. Heavenly.",
    )
    t.reply("A friend who takes care of the sweets is worth keeping.")
    t.ask(REFERENCE, asked, f"How many people did I make {dish} for?")
    t.ask(FACT, allergy, f"What must {guest} not eat?", f"Is there any food I have to avoid when {guest} visits?")
    t.ask(FACT, allergy, f"What does {other} leave on the plate or do without?")
    t.ask(ANSWER, trick, f"What secret ingredient did you recommend for the {dish}?", f"How long does the {dish} take?")
    t.ask(FACT, result, f"What went less well when I served {dish}?")
    t.ask(REFERENCE, bring, f"What did {other} contribute to the meal?", f"Which sweet did {other} bring along?")


def running(t: Teller) -> None:
    race = t.pick(words.TOWNS_RACE)
    shoes = t.any("Arrow Lite", "Fleetfoot 3", "Monsoon Trainer", "Cinder Pro", "Gazelle R")
    goal = t.user(
        f"I've signed up for the {race}. I'd be happy with anything below {t.number(50, 59)} minutes for the first 10 "
        "km. Can you make me a plan?",
        f"I want to run the {race} this season, my first race since {t.any('school', 'the baby', 'the operation')}. How "
        "should I train?",
    )
    t.advise("Nice goal! A plan doesn't need to be complicated:", tips.RUNNING, 5)
    free = t.user(
        f"I can only train on {t.any('Tuesdays', 'Wednesdays')}, {t.any('Fridays', 'Thursdays')} and Sundays, because "
        f"of {t.any('choir', 'late shifts', 'the kids')}.",
    )
    t.reply(
        "Three days are plenty. Take the first for easy running, the second for something faster, and the last for "
        "the long one. Add ten minutes of strength work after the easy run."
    )
    first = t.user(f"Did my long one today: {t.number(8, 10)} km, felt heavy but ok.")
    t.reply("Well done. Heavy legs are normal in the second week; keep the next one at the same length.")
    t.part()
    second = t.user(
        f"Today it was {t.number(11, 13)} km along the canal, and I even had breath left to talk.",
        f"{t.number(11, 13)} km done this morning before breakfast, quite proud.",
    )
    t.advise("That's real progress.", tips.RUNNING, 2)
    pain = t.user(
        f"My {t.any('left shin', 'right Achilles tendon', 'left knee', 'right hip')} has been sore since, should I stop?",
        f"What worries me is the {t.any('left heel', 'right calf', 'left foot')}: it stings on the first steps in the "
        "morning.",
    )
    care = t.answer(
        "That kind of pain after a long run is mostly overuse, so let it calm down.",
        f"Take {t.number(4, 9)} days off from running and cycle instead. Ice it in the evening for "
        f"{t.number(8, 15)} minutes, and do slow heel drops off a step, three times fifteen. If it still hurts when "
        "you walk after that, see a physiotherapist.",
    )
    t.part()
    third = t.user(
        f"Longest ever: {t.number(15, 18)} km in the rain. No pain anymore, by the way.",
        f"I managed {t.number(15, 18)} km on Sunday, the sore spot didn't say a word.",
    )
    t.reply("Excellent. From here on, less is more: keep it light until the start.")
    bought = t.user(
        f"I was also tempted and got the {shoes} in {t.any('yellow', 'black', 'turquoise')}, half a size up.",
        f"The shop talked me into the {shoes}. {t.number(110, 170)} euros, ouch.",
    )
    t.reply("Wear them for at least three runs before you race in them, and not in the longest one.")
    t.part()
    finish = t.user(
        f"I did it! {t.number(1, 2)} hours and {t.number(2, 58)} minutes, and a medal as heavy as a brick.",
        f"It's over, {t.number(101, 178)} minutes net, and I cried at the finish line.",
    )
    t.reply("Congratulations! Eat, sleep, and don't run for a week. What a season!")
    t.ask(SEVERAL, (first, second, third), "How did the distance of my long runs develop?", "List my long runs.")
    t.ask(FACT, free, "On which weekdays do I have time for training?", "Why can't I train every day?")
    t.ask(REFERENCE, pain, "Which part of my body hurt when I was preparing for the race?")
    t.ask(ANSWER, care, "What exercise and how much rest did you prescribe against the pain?")
    t.ask(REFERENCE, bought, "Which trainers did I get?", "What are my new running shoes?")
    t.ask(REFERENCE, finish, f"What was my time in the {race}?", f"How did the {race} end for me?")
    t.ask(FACT, goal, "Which running event did I enter?")


def reading(t: Teller) -> None:
    one, two, three, four, five = (t.pick(words.BOOKS) for _ in range(5))
    friend = t.pick(words.FRIENDS)
    first = t.user(
        f"Finished {one} last night. The ending annoyed me, but what a narrator. What should I read next?",
        f"Just closed {one} after two weeks. Beautiful, if slow. Ideas for the next?",
    )
    offered = t.reply(
        f"You might like {two}, a family story told backwards; {three}, which is short and very funny; or {four}, "
        "slower, with a lot of weather in it. They are quite different from each other, so follow your mood.",
        f"Three ideas: {two} for the language, {three} if you want to laugh, {four} if you have a long train ride. "
        "None of them is over four hundred pages.",
    )
    taken = t.user("I'll try the funny one then.", "The last of those sounds right for the commute, I've ordered it.")
    t.reply("Enjoy. Tell me how you liked it, and I can adjust what I suggest.")
    t.part()
    second = t.user(
        f"Our reading circle met yesterday. I got through {five} in time for once, {friend} hadn't even opened it.",
        f"{five} is done as well, on {friend}'s recommendation. I gave it two stars out of five.",
    )
    t.advise("Good to hear. If you want to note your thoughts:", tips.WRITING, 2)
    circle = t.user(
        f"From now on we meet every {t.any('first', 'second', 'last')} {t.any('Monday', 'Tuesday', 'Thursday')} of the "
        f"month at {friend}'s place.",
        f"Oh, and the circle moved: it's in the back room of the {t.any('bakery', 'cinema', 'post office')} now, "
        f"{t.any('Mondays', 'Thursdays')} at {t.number(6, 8)}.",
    )
    t.reply("A fixed rhythm helps everybody. Shall I make a list of titles for the coming months?")
    t.part()
    third = t.user(
        "And I also got to the end of the one from your list. I laughed out loud on the bus twice.",
        "The book you had suggested is finished too; it took me a while to warm to it, then I couldn't stop.",
    )
    t.reply("That makes me happy. It's the kind of book that one gives away afterwards.")
    t.ask(PAIR, (offered, taken), "Which of your book suggestions did I choose?", "What novel did I order next?")
    t.ask(SEVERAL, (first, second, third), "Which books have I read to the end this year?")
    t.ask(FACT, first, f"What did I think of {one}?")
    t.ask(FACT, second, f"Did I like {five}, or what was special when I had read it?")
    t.ask(REFERENCE, circle, "When and where does our reading circle come together?")


def music(t: Teller) -> None:
    instrument, piece, teacher = t.pick(words.INSTRUMENTS), t.pick(words.PIECES), t.pick(words.FRIENDS)
    begun = t.user(
        f"I've picked up the {instrument} again after {t.number(8, 25)} years. How do I get back into it without "
        "frustration?",
        f"At {t.number(38, 61)} I'm learning the {instrument}. How much should a beginner practise?",
    )
    t.advise("Welcome to it! What helps most grown-ups:", tips.LEARNING)
    lesson = t.user(
        f"I found {teacher}, who comes to my home every {t.any('Wednesday', 'Friday')} at {t.number(4, 7)} and charges "
        f"{t.number(28, 45)} an hour.",
        f"My lessons are with {teacher} now, {t.any('Monday', 'Saturday')} mornings, {t.number(30, 60, 5)} minutes.",
    )
    t.reply("A good teacher spares you months of bad habits. Ask for one concrete task per week.")
    t.user("My fingers are slow as honey. Do you know an exercise?")
    drill = t.answer(
        f"For slow fingers on the {instrument} there's a simple exercise.",
        f"Try this: five notes up and down, at {t.number(50, 66, 2)} beats per minute, first even, then in dotted "
        f"rhythm, {t.number(4, 8)} minutes a day. Raise the metronome by two beats only when it was clean three times.",
    )
    t.part()
    working = t.user(
        f"We've begun {piece}. The middle part is still a mess.",
        f"{teacher} gave me {piece}, I'm thrilled and scared.",
    )
    t.advise("Take it in small bites.", tips.LEARNING, 2)
    show = t.user(
        f"There's a pupils' concert on {t.day(t.number(15, 40))} in the {t.any('library', 'chapel', 'town hall')} and I "
        "said yes.",
    )
    t.reply("Play it to a friend or to your phone first: the second audience is always easier than the first.")
    t.part()
    shifted = t.user(
        f"They've shifted the concert to {t.day(t.number(12, 30))}, the heating there is broken.",
        f"The evening with the pupils was put off, new date {t.day(t.number(12, 30))}.",
    )
    t.reply("More time for the middle part, then! Keep the tempo you can manage on a bad day.")
    t.ask(FACT, lesson, f"When do I have {instrument} lessons?", "Who teaches me music, and when?")
    t.ask(
        ANSWER, drill, f"What finger exercise for the {instrument} did you give me?", "At which tempo should I drill?"
    )
    t.ask(REFERENCE, working, f"What am I rehearsing on the {instrument}?")
    t.ask(UPDATE, shifted, "When will I perform in front of people?", "What is the current date of the concert?")
    t.ask(REFERENCE, show, "Where was the pupils' concert to be held, and on what date at first?")
    t.ask(FACT, begun, f"What did I tell you about my beginnings on the {instrument}?")


def camera(t: Teller) -> None:
    lens, old = t.pick(words.LENSES), t.pick(words.LENSES)
    price = t.number(180, 640, 20)
    use = t.user(
        f"Which lens for {t.any('birds in the reeds', 'indoor handball', 'my cousins at a dark wedding')}? I have {old} "
        "and it doesn't cut it.",
    )
    t.advise("It depends on distance and light. In general:", tips.PHOTO)
    found = t.user(f"A dealer offers {lens} for {price}, an acquaintance wants {price - 60} for his.")
    t.reply(
        "The difference buys you a warranty and the right to return it. If you know the person well and can try it "
        "for a weekend, the cheaper one is tempting, too."
    )
    bought = t.user(
        f"I took my acquaintance's in the end and beat him down by another {t.number(10, 30, 5)}.",
        "Went with the dealer, I sleep better that way.",
    )
    t.reply("Sounds reasonable. Test every aperture in the first days and keep the receipt.")
    t.part()
    fault = t.user(
        f"The new one {t.any('hunts for focus below freezing', 'squeaks when I zoom', 'is soft in the left corner')}. "
        "Normal?",
    )
    t.reply("It can be. Compare with a second body if you can, and send it in while somebody is still responsible.")
    sold = t.user(
        f"By the way, the old one is gone, {t.number(80, 160, 5)} euros to a student from {t.pick(words.CITIES)}."
    )
    t.advise("Good, it will be used.", tips.PHOTO, 2)
    t.ask(PAIR, (found, bought), "From whom did I buy the lens, and for how much?", "What did the lens cost me?")
    t.ask(REFERENCE, fault, f"What's the matter with {lens}?", "Is there a defect on my newer lens?")
    t.ask(PAIR, (use, sold), f"What became of {old}?", "What did I get for the lens that I had before?")
    t.ask(FACT, use, "What kind of pictures did I need a better lens for?")


def present(t: Teller) -> None:
    who = t.pick(words.RELATIVES)
    one, two, three = (t.pick(words.GIFTS) for _ in range(3))
    event = t.any("60th birthday", "retirement", "graduation", "housewarming", "silver wedding")
    taste = t.user(
        f"I need an idea for the {event} of {who}. Likes {t.any('crosswords', 'fly fishing', 'old maps', 'baking')}, "
        f"hates {t.any('clutter', 'anything electric', 'perfume')}, and I want to stay below {t.number(40, 120, 10)}.",
    )
    ideas = t.reply(
        f"How about {one}? It is personal without being too much. {two.capitalize()} would be a bit more playful, and "
        f"{three} is something that will be used every day. I would write a card by hand in any case.",
        f"Some thoughts: {one}, because it lasts; {two}, because it surprises; {three}, because nobody buys it "
        "themselves. All of them should be within what you want to spend.",
    )
    decided = t.user("Ha, the middle one is perfect. Ordered!", "The one for every day it is then, the third.")
    t.reply("A fine choice. Order the wrapping as well, it saves you an evening.")
    t.part()
    late = t.user(
        f"The parcel for {who} is stuck at customs, it won't come before {t.day(t.number(5, 12))}.",
        f"You won't believe it: what came for {who} was broken in two places. They'll send another by "
        f"{t.day(t.number(5, 12))}.",
    )
    t.reply("Put a photo of it into the card, and hand over the real thing later. Two presents instead of one.")
    t.part()
    liked = t.user(
        f"{who.removeprefix('my ').capitalize()} was moved to tears, the thing has a place of honour on the shelf now.",
        f"It finally arrived, and {who} showed it to every neighbour.",
    )
    t.reply("That's the best a present can do.")
    t.ask(PAIR, (ideas, decided), f"What did I order for {who}?", f"What was the present for {who}?")
    t.ask(FACT, taste, f"What doesn't {who} like?", f"How much did I want to spend on {who}?")
    t.ask(FACT, late, f"What happened to the delivery for {who}?", f"Why was the surprise for {who} late?")
    t.ask(REFERENCE, liked, f"How did {who} react to the gift?")


PLOTS: tuple[Plot, ...] = (trip, dinner, running, reading, music, camera, present)
