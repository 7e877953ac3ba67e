"""Stories about software, offices, studies, languages, flats and writing."""

from __future__ import annotations

from bench.chats import tips, words
from bench.chats.teller import ANSWER, FACT, PAIR, REFERENCE, SEVERAL, UPDATE, Plot, Teller


def incident(t: Teller) -> None:
    service, colleague = t.pick(words.SERVICES), t.pick(words.FRIENDS)
    error = t.any("ConnectionResetError", "OutOfMemoryError", "DeadlineExceeded", "TooManyOpenFiles", "LockWaitTimeout")
    seen = t.user(
        f"Our {service} throws {error} every {t.any('night around two', 'Monday morning', 'time the export runs')}. "
        "Where would you look?",
        f"Since the last release {service} dies with {error}, maybe {t.number(3, 12)} times a day. Any idea?",
    )
    t.advise("Hard to say from here, but a systematic way to find it:", tips.CODING)
    t.user("Here's the relevant part of the configuration: pool of 5, timeout 30, workers 16, no limit on retries.")
    hint = t.answer(
        f"With this configuration {service} gets into trouble as soon as something is slow.",
        f"Two things stand out. Sixteen workers share five connections, so most of them wait; and retries without a limit "
        f"multiply the load when it is highest. I'd set the pool to {t.number(18, 32, 2)}, the timeout to "
        f"{t.number(4, 12)} seconds, and allow at most {t.number(2, 4)} retries with a growing pause. Change one thing at "
        "a time, and watch the queue length while you do.",
    )
    t.part()
    cause = t.user(
        f"We found it! {t.any('An index was missing on the orders table', 'A cron job deleted the temp directory', 'The clock of one node was four minutes off', 'A colleague had left debug tracing on')}"
        ". Everything else was noise.",
    )
    t.reply("Classic. Would a check at start-up have caught it? If so, now is the time to write it.")
    who = t.user(
        f"{colleague} spotted it while {t.any('waiting for the bus', 'looking for something else', 'on holiday')}."
    )
    t.advise("The best ideas come then. For the write-up:", tips.CODING, 2)
    t.part()
    moved = t.user(
        f"We've taken the {service} off {t.any('the old VM', 'Heroku', 'the shared host')} and it runs on "
        f"{t.any('Kubernetes', 'Fly', 'two small bare-metal boxes')} now, port {t.number(7000, 9800)}.",
    )
    t.reply("Remember dashboards, alerts, and the entry in your service catalogue.")
    t.ask(FACT, seen, f"Which exception did {service} raise?", f"When or how often did {service} crash?")
    t.ask(
        ANSWER,
        hint,
        f"Which values did you recommend for the settings of {service}?",
        "What pool size did you suggest?",
    )
    t.ask(
        FACT, cause, f"What was the root cause of the trouble with {service}?", "Why did our service fail in the end?"
    )
    t.ask(REFERENCE, who, f"Who discovered what was wrong with {service}?")
    t.ask(FACT, moved, f"Where is {service} deployed today, and on which port?")


def spreadsheet(t: Teller) -> None:
    sheet = t.any("Members", "Orders 2025", "Deliveries", "Donations", "Stock", "Course list")
    column, other = t.any("C", "D", "F"), t.any("H", "K", "M")
    need = t.user(
        f"In my sheet '{sheet}' I have names in column {column} and amounts in {other}. I need the sum per name, but only "
        f"for rows {t.any('from this quarter', 'marked paid', 'above fifty')}.",
    )
    formula = t.answer(
        f"To add up the amounts per name in '{sheet}' you need one formula.",
        f'Use =SUMIFS({other}:{other}, {column}:{column}, A2, B:B, "yes") and drag it down, with the distinct names in '
        "column A. If the names come with stray blanks, wrap them in TRIM first. A pivot table does the same with fewer "
        "formulas, but it has to be refreshed by hand.",
        f'With a helper column: =IF(B2="yes", {other}2, 0), then =SUMIF({column}:{column}, A2, Z:Z) next to your list of '
        "names. That's easier to check than one long expression, and everybody understands it later.",
    )
    t.user("That works, thank you! How do I stop others from breaking it?")
    t.reply(
        "Protect the range with the formulas and leave only the input columns open. Give the file a version in its name."
    )
    t.part()
    boss = t.user(
        f"{t.pick(words.FRIENDS)} from accounting wants '{sheet}' by the {t.number(3, 9)}th of each month, as "
        f"{t.any('PDF', 'CSV', 'a printed copy')}.",
    )
    t.advise("Then make it a habit.", tips.OFFICE, 2)
    trap = t.user(
        f"Ha, found out that {t.number(12, 48)} rows in it were duplicates, from the import in {t.any('May', 'March')}."
    )
    t.reply("Remove them with the built-in function, but keep a copy of the sheet as it was.")
    t.ask(FACT, need, f"Which columns does '{sheet}' have, and what did I want to add up?")
    t.ask(
        ANSWER,
        formula,
        f"What formula did you write for '{sheet}'?",
        "How can I total the amounts for each person again?",
    )
    t.ask(FACT, boss, f"Who needs '{sheet}', when and in what format?")
    t.ask(REFERENCE, trap, f"What was wrong with the data in '{sheet}'?")


def jobs(t: Teller) -> None:
    one, two, three = (t.pick(words.COMPANIES) for _ in range(3))
    role = t.any("product designer", "data analyst", "site manager", "nurse coordinator", "editor", "lab technician")
    pay = t.number(41, 58)
    why = t.user(
        f"I'm looking for a new job as {role}. I'm leaving because {t.any('of the commute', 'my team was dissolved', 'of the night calls')}"
        f", and I'd need at least {pay} thousand.",
    )
    t.advise("A clear reason and a clear number, that's a good start. What helps:", tips.CAREER)
    first = t.user(f"Sent off the first application, to {one}.", f"{one} has my CV since this morning.")
    t.reply("Good luck! Note the date and the name of the contact, and ask again after ten days.")
    t.part()
    second = t.user(f"I've applied at {two}, too, through {t.pick(words.FRIENDS)} who works there.")
    t.reply("A recommendation from inside is worth more than any cover letter.")
    talk = t.user(f"And {one} invited me, {t.day(t.number(4, 10))} at {t.number(9, 16)}:30, by video.")
    t.advise("Excellent! For the conversation:", tips.CAREER, 3)
    t.part()
    third = t.user(f"Just for practice I wrote to {three} as well.")
    t.reply("Practice interviews are the best, since you have nothing to lose.")
    asked = t.user(
        f"The talk with {one} went ok, but they asked {t.any('what I would do with a million', 'about my biggest failure', 'how many windows the city has')}"
        " and I froze.",
    )
    t.reply("Everybody has that question they don't see coming. They look at how you react, not at the answer.")
    t.part()
    offers = t.user(
        f"Two offers! {two}: {pay + t.number(1, 4)} thousand and four days in the office. {three}: {pay - t.number(1, 3)} "
        "thousand, but from wherever I like.",
    )
    t.advise("What a position to be in.", tips.CAREER, 3)
    chosen = t.user(
        "I've signed with the second of them. Freedom!", "It's going to be the better paid one, I start soon."
    )
    t.reply("Congratulations! Tell the others kindly, one meets twice in life.")
    t.ask(SEVERAL, (first, second, third), "Where did I apply for work?", "Which companies did I send applications to?")
    t.ask(FACT, why, "What is my reason for changing jobs?", "What salary do I need as a minimum?")
    t.ask(REFERENCE, talk, f"When is my interview with {one}?")
    t.ask(FACT, asked, f"Which question of {one} threw me?")
    t.ask(PAIR, (offers, chosen), "Whose offer did I accept, and on what terms?", "Where am I going to work?")


def language(t: Teller) -> None:
    tongue = t.pick(words.LANGUAGES)
    reason = t.user(
        f"I've begun with {tongue}, because {t.any('my partner’s family speaks it', 'I’ll be there for work', 'of the films')}"
        f". I have {t.number(10, 35, 5)} minutes a day. Plan?",
    )
    t.advise(f"For {tongue} in short daily sessions I'd suggest:", tips.LEARNING, 5)
    t.user("The numbers won't stay in my head. A trick?")
    trick = t.answer(
        f"Numbers in {tongue} are easier to remember with places.",
        f"Tie them to a walk: the {t.any('front door', 'letterbox', 'gate')} is one, the "
        f"{t.any('bakery', 'bus stop', 'fountain')} is five, the {t.any('bridge', 'school', 'church')} is ten. Say each "
        "one aloud when you pass it, for a week, there and back. After that, read out number plates.",
    )
    t.part()
    t.user(f"I've registered for the {t.any('A1', 'A2', 'B1')} exam in {tongue} on {t.day(t.number(40, 60))}.")
    t.advise("A date concentrates the mind.", tips.LEARNING, 3)
    weak = t.user(f"What I can't do at all is {t.any('listening', 'the past tense', 'writing by hand', 'word order')}.")
    t.reply("Then give that the first ten minutes of every session, when you're fresh.")
    t.part()
    moved = t.user(
        f"The exam in {tongue} was full, they've put me down for {t.day(t.number(45, 70))}.",
        f"I had to rebook the {tongue} exam because of the wedding: {t.day(t.number(45, 70))} it is.",
    )
    t.reply("More time for revision. Keep up the daily minutes, however few.")
    partner = t.user(
        f"I found somebody to talk to, {t.pick(words.FRIENDS)}, every {t.any('Sunday', 'Tuesday')} over video."
    )
    t.reply("That's the best thing you can do. Split the time fairly between both languages.")
    t.ask(FACT, reason, f"Why am I learning {tongue}?", f"How much time a day do I have for {tongue}?")
    t.ask(ANSWER, trick, "What mnemonic did you give me for counting?", f"How can I memorise numbers in {tongue}?")
    t.ask(UPDATE, moved, f"When do I take the {tongue} test now?")
    t.ask(REFERENCE, weak, f"Which part of {tongue} do I find hardest?")
    t.ask(REFERENCE, partner, f"With whom do I practise {tongue}, and when?")


def flat(t: Teller) -> None:
    one, two, three = (t.pick(words.AREAS) for _ in range(3))
    limit = t.number(850, 1350, 50)
    needs = t.user(
        f"We're searching for a flat: {t.number(2, 4)} rooms, at most {limit} with heating, and a "
        f"{t.any('lift', 'balcony', 'cellar for the bikes', 'bathtub')} is a must.",
    )
    t.advise("Write that down as three musts and three wishes. And then:", tips.HOME)
    first = t.user(
        f"Saw one in {one} today. {t.any('Huge windows', 'A lovely landlady', 'Original floors')}, but it smells of "
        f"{t.any('smoke', 'mould', 'the takeaway below')}.",
    )
    t.reply("Smells rarely leave with the former tenant. Ask what will be renovated before you move in.")
    t.part()
    second = t.user(
        f"The second viewing was in {two}: {limit - t.number(30, 120, 10)} a month, deposit of three rents, "
        f"{t.any('a tram right under the window', 'only a kitchenette', 'fifth floor')}.",
    )
    t.advise("What would you mind more in daily life?", tips.MONEY, 2)
    third = t.user(f"And one more in {three}, with {t.number(40, 70)} other people in the staircase. Hopeless.")
    t.reply("With such crowds it's about being first: have your papers in one file, ready to send.")
    t.part()
    got = t.user(
        f"We got one, and it's {t.any('the first that we looked at', 'the one from the second viewing')}! We move on "
        f"{t.day(t.number(25, 45))}.",
    )
    t.reply("Congratulations! Give notice in time, redirect your post, and photograph the meters.")
    t.ask(FACT, needs, "What must our new home have?", "How much rent can we afford?")
    t.ask(SEVERAL, (first, second, third), "In which parts of town did we view flats?", "What flats have we looked at?")
    t.ask(FACT, first, f"What bothered me about the flat in {one}?")
    t.ask(FACT, second, f"What were the terms of the flat in {two}?")
    t.ask(REFERENCE, got, "On which day do we move house?")


def thesis(t: Teller) -> None:
    topic, supervisor = t.pick(words.TOPICS), t.pick(words.FRIENDS)
    subject = t.user(
        f"My thesis is about {topic}, and I have {t.number(4, 6)} months. {supervisor} supervises it and only answers on "
        f"{t.any('Mondays', 'Fridays')}. How do I plan that?",
    )
    t.advise("Work backwards from the day you hand it in. On the way:", tips.WRITING, 5)
    t.user("And how should I go about it? I don't even have a method yet.")
    methods = t.reply(
        f"As to the method, I see three ways: a questionnaire with at least {t.number(120, 240, 20)} answers; some "
        f"{t.number(8, 14)} long interviews; or an analysis of newspaper archives. The first needs statistics, the second "
        "time for transcripts, the third patience."
    )
    chosen = t.user("Talking to people suits me best, so I'll take that.", "I like old papers. The third way it is.")
    t.reply("Then write half a page on why this and not the others. It will be asked.")
    t.part()
    due = t.user(
        f"It's official now: I have to hand it in on {t.day(t.number(70, 95))}, bound, {t.number(2, 4)} copies."
    )
    t.advise("Plan a week for printing and mishaps.", tips.WRITING, 2)
    t.user(f"I have {t.number(9, 16)} pages so far, and half of it is quotations.")
    t.reply("Pages are pages. Quotations shrink by themselves when you know what you want to say.")
    t.part()
    longer = t.user(
        f"I was ill for two weeks, and they granted me an extension of the thesis until {t.day(t.number(75, 100))}.",
    )
    t.reply("Good that you asked. Send the certificate by registered post, and keep the receipt.")
    remark = t.user(f"{supervisor} thinks the {t.any('title', 'second chapter', 'introduction')} promises too much.")
    t.advise("That's useful, if painful.", tips.WRITING, 2)
    t.ask(FACT, subject, "What is my thesis about?", "Who supervises me, and when can I reach them?")
    t.ask(PAIR, (methods, chosen), "Which method do I use in the thesis?", "How do I collect data for my research?")
    t.ask(UPDATE, longer, "When is my thesis due?", "Until when do I have time to submit?")
    t.ask(REFERENCE, due, "How many printed copies do I have to submit, and what was the first deadline?")
    t.ask(FACT, remark, f"What did {supervisor} criticise in my draft?")


def novel(t: Teller) -> None:
    hero, other, city = t.pick(words.HEROES), t.pick(words.HEROES), t.pick(words.CITIES)
    job = t.any("lighthouse inspector", "piano tuner", "court interpreter", "night porter", "bell founder")
    idea = t.user(
        f"I'm writing a crime novel. {hero} is a {job} in {city} and finds {t.any('a coded diary', 'a wrong corpse', 'a key without a lock')}.",
    )
    t.advise("I'd read that! Before you go on, a few thoughts:", tips.WRITING)
    first = t.user(f"{t.number(4, 7)},{t.number(1, 9)}00 words by today.")
    t.reply("A respectable start. Don't look back before the middle.")
    t.user(f"How could it end? I know it was {other}, but not how {hero} proves it.")
    ending = t.answer(
        "The ending should turn on something that was there all the time.",
        f"What if {other} gives it away by knowing something that only the one who was there can know, say "
        f"{t.any('that the clock had stopped', 'the colour of the curtain', 'which window was open')}? {hero} notices it "
        "only two chapters later, in an entirely harmless conversation, and so does the reader.",
    )
    t.part()
    second = t.user(f"I'm at {t.number(14, 22)} thousand now, and {hero} won't do what I want.")
    t.advise("A good sign.", tips.WRITING, 2)
    rename = t.user(f"And by the way, {other} is called {t.pick(words.HEROES)} from now on, too many similar sounds.")
    t.reply("Search and replace, but read over it once: names hide in nicknames and signatures.")
    t.part()
    third = t.user(f"The first draft is done: {t.number(61, 88)},000 words!")
    t.reply("Open a bottle. And then put it into a drawer for four weeks.")
    reader = t.user(
        f"{t.pick(words.FRIENDS)} is going to read it first, and is {t.any('merciless', 'a proofreader', 'my ex')}."
    )
    t.advise("Brave.", tips.WRITING, 2)
    t.ask(
        SEVERAL,
        (first, second, third),
        "How did the word count of my manuscript grow?",
        "How long was the book, and when?",
    )
    t.ask(FACT, idea, f"What does {hero} do for a living?", "What discovery starts off the plot of my book?")
    t.ask(
        ANSWER, ending, "How did you think the murderer could be exposed?", "What twist did you propose for the ending?"
    )
    t.ask(UPDATE, rename, "What is the culprit in my story called now?")
    t.ask(REFERENCE, reader, "Who gets to see the manuscript before anybody else?")


def team(t: Teller) -> None:
    boss, new = t.pick(words.FRIENDS), t.pick(words.FRIENDS)
    company = t.pick(words.COMPANIES)
    pitch = t.user(
        f"I have to present our results to {company} on {t.day(t.number(6, 12))}, {t.number(10, 25, 5)} minutes. {boss} wants "
        "it without slides. Help!",
    )
    t.advise("Without slides is a chance, not a punishment:", tips.OFFICE)
    t.user("How do I open it so that they look up from their phones?")
    opening = t.answer(
        f"For the first minute of your presentation at {company}, do something that they don't expect.",
        f"Put {t.any('a broken part', 'a single sheet of paper', 'an empty chair', 'a stopwatch')} on the table and say "
        "nothing for three seconds. Then give them the one number that they don't expect, and tell how it came about. "
        "The rest follows by itself, and you can stop whenever they have understood.",
    )
    hire = t.user(
        f"{new} starts in our team next week, in charge of {t.any('purchasing', 'the archive', 'customer training')}."
    )
    t.reply("Plan a first task for the first day, however small, and a lunch.")
    t.part()
    went = t.user(
        f"The thing at {company} went {t.any('so well that they clapped', 'badly, the projector was needed after all')}.",
    )
    t.advise("Thanks for telling me! For the follow-up:", tips.OFFICE, 2)
    t.user(f"Our weekly round is on {t.any('Mondays', 'Tuesdays')} at {t.number(9, 11)}, everybody's half asleep.")
    t.reply("Try it standing, and with the hardest topic first.")
    t.part()
    switched = t.user(
        f"We've put the weekly round on {t.any('Wednesdays', 'Thursdays')} at {t.number(13, 16)}. Much better."
    )
    t.reply("A small change with a large effect. Cancel the old series in the calendar.")
    gone = t.user(
        f"{boss} is leaving for {t.pick(words.COMPANIES)} at the end of the quarter. I'm to take over for now."
    )
    t.advise("Congratulations, or my sympathy.", tips.OFFICE, 3)
    t.ask(FACT, pitch, f"What was {boss}'s condition for the presentation?", f"How long may I speak at {company}?")
    t.ask(ANSWER, opening, "How did you suggest I begin my talk?", "What object was I to put in front of the audience?")
    t.ask(FACT, hire, f"What is {new} responsible for?", "Who is new among my colleagues?")
    t.ask(UPDATE, switched, "When does our team meet each week?")
    t.ask(FACT, went, f"How was my appearance at {company}?")
    t.ask(FACT, gone, f"Where is {boss} going?", "Why am I leading the team for the time being?")


def network(t: Teller) -> None:
    box = t.any("Fennec 7", "Orbit AX", "HomeLink 300", "Skyport Mini")
    channel = t.number(36, 64, 4)
    bad = t.user(
        f"The Wi-Fi from our {box} doesn't reach the {t.pick(words.ROOMS)}, and video calls freeze. What can I do without "
        "buying anything?",
    )
    t.reply(
        "Put the router in the open and higher up, away from metal and the microwave. Then look at which channels your "
        f"neighbours use; on the fast band, channel {channel} is often free. Restart it, and measure before and after in "
        "the same spot, three times each."
    )
    done = t.user(
        f"It's on top of the {t.any('wardrobe', 'bookcase', 'fridge')} now, and I get {t.number(45, 130, 5)} megabits in there."
    )
    t.advise("That's a lot better.", tips.CODING, 2)
    t.part()
    device = t.user(
        f"The {t.any('printer', 'doorbell', 'heating control', 'baby monitor')} drops out every few hours since then. Grr.",
    )
    cure = t.answer(
        "A device that drops out like that has mostly trouble with the two bands.",
        f"Cheap devices know only the slow band. Give that one a name of its own, fix its address to "
        f"192.168.{t.number(1, 9)}.{t.number(20, 90)}, and switch off the setting that moves devices between bands.",
    )
    t.user("You're a genius, it holds.")
    t.reply("Happy to hear that. Note the address somewhere, for the next time.")
    t.ask(REFERENCE, done, "Where is our router placed now?", f"How fast is the connection since I moved the {box}?")
    t.ask(ANSWER, cure, "Which fixed IP address did you recommend?")
    t.ask(FACT, device, "Which gadget kept losing its connection?")
    t.ask(FACT, bad, "Where in our place was there no reception, and what box do we have?")


PLOTS: tuple[Plot, ...] = (incident, spreadsheet, jobs, language, flat, thesis, novel, team, network)
