"""Words that say nothing of what a text is about: articles, pronouns, prepositions, auxiliaries, question words.

Closed classes only, in their common forms. Lists that go further hold words such as "work", "use" or "place", which
memories are about. They also tell which language a text is in.
"""

from __future__ import annotations

_LISTS = {
    "english": """
        a about after again all also am an and any are as at be because been before being both but by can could did do
        does doing don't during each few for from further had has have having he he's her here hers herself him himself
        his how i i'd i'll i'm i've if in into is isn't it it's its itself just let me more most my myself nor of off
        on once only or other our ours ourselves out over own s same she she's should so some such t than that that's
        the their theirs them themselves then there these they they're this those through to too under until up us very
        was we we're we've were what what's when where which while who whom whose why will with would you you'd you'll
        you're you've your yours yourself yourselves""",
    "german": """
        aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus
        außer bei beim bin bis bist da dabei damit dann daran darauf das dass dazu dein deine deinem deinen deiner
        deines dem den denn der deren des dessen dich die dies diese diesem diesen dieser dieses dir doch dort du durch
        ein eine einem einen einer eines er es etwas euch euer eure eurem euren eurer für gegen habe haben habt hast
        hat hatte hatten hattest hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in ins ist ja jede jedem
        jeden jeder jedes jetzt kann kein keine keinem keinen keiner können könnte man mehr mein meine meinem meinen
        meiner meines mich mir mit muss nach nicht nichts noch nun nur ob oder ohne schon sehr seid sein seine seinem
        seinen seiner seines seit sich sie sind so soll sollte sondern sonst über um und uns unser unsere unserem
        unseren unserer unter vom von vor wann war waren warst warum was weil welche welchem welchen welcher welches
        wem wen wenn wer werde werden wessen wie wieder wir wird wirst wo woher wohin wollte worüber worden wurde
        wurden würde würden zu zum zur zwischen""",
    "spanish": """
        a al algo algún alguna algunas alguno algunos ante antes aquel aquella aquellas aquello aquellos aquí así aún
        aunque cada casi como cómo con conmigo contigo contra cual cuál cuales cuáles cualquier cuando cuándo cuánta
        cuántas cuánto cuántos cuyo cuya de del desde donde dónde durante e el él ella ellas ello ellos en entonces
        entre era eran eras eres es esa esas ese eso esos esta está estaba estaban estado estamos están estar estas
        estás este esté esto estos estoy estuvo fue fueron fui ha haber había habían han has hasta hay haya he hemos
        incluso la las le les lo los más me mi mí mientras mío mis mucho muy nada ni no nos nosotros nuestra nuestras
        nuestro nuestros o os otra otras otro otros para pero poco por porque pues que qué quien quién quienes quiénes
        se sea ser será si sí sido sin sino sobre soy son somos su sus suya suyo también tampoco tan tanto te tenía ti
        hace va vamos van vas voy
        todo todos tu tú tus un una unas uno unos usted ustedes vosotros y ya yo""",
    "french": """
        à afin ai aie ainsi alors après as au aucun aucune aussi autre autres aux avaient avais avait avant avec avez
        avoir avons car ce ceci cela celle celles celui ces cet cette ceux chaque chez combien comme comment dans de
        depuis des dont du elle elles en encore entre es est et étaient étais était étant été être eu eux il ils je la
        le les leur leurs lequel laquelle lors lui ma mais me même mes moi mon ne ni nos notre nous on ont ou où par
        parce pas pendant plus pour pourquoi puis quand que quel quelle quelles quels qui quoi sa sans se sera serait
        ses si sien soi soit sommes son sont sous suis sur ta tandis te tes toi ton tous tout toute toutes très tu un
        une va vers vos votre vous y ça""",
    "portuguese": """
        a à ao aos aquela aquelas aquele aqueles aquilo as às até com como da das de dela delas dele deles depois do
        dos e é ela elas ele eles em entre era eram essa essas esse esses esta está estas estava estavam este estes
        estou eu foi for foram há isso isto já lhe lhes mais mas me mesmo meu meus minha minhas muito na não nas nem no
        nos nós nossa nossas nosso nossos num numa o onde os ou para pela pelas pelo pelos por porque qual quais quando
        que quem são se seja sem ser será seu seus só sou sua suas também te tem têm tenho ter teu teus tinha tua tuas
        um uma umas uns você vocês""",
    "italian": """
        a ad agli ai al alla alle allo anche avere aveva avevano c che chi ci come con cosa cui da dagli dai dal dalla
        dalle dallo dei degli del della delle dello di dopo dove e è ed era erano essere fra gli ha hai hanno ho i il
        in io l la le lei li lo loro lui ma me mi mia mie miei mio ne negli nei nel nella nelle nello noi non nostra
        nostre nostri nostro o ogni per perché più quale quali quando quanta quante quanti quanto quel quella quelle
        quelli quello questa queste questi questo se sei si sì sia siamo sono sta stata state stati stato su sua sue
        sugli sui sul sulla sulle suo suoi te ti tra tu tua tue tuo tuoi un una uno vi voi vostra vostro""",
    "dutch": """
        aan al alle als bij dan dat de der deze die dit doch door dus een en er ge geen had hadden heb hebben heeft hem
        het hier hij hoe hun ik in is ja je jij jouw jullie kan maar me meer men met mij mijn na naar niet nog nu of om
        omdat onder ons onze ook op over te tegen toch toen tot u uit uw van veel voor waar waarom wanneer waren was
        wat we wel welk welke werd wie wij word worden zal ze zelf zich zij zijn zo zou""",
    "swedish": """
        alla allt att av bara blev bli blir de dem den denna deras dess dessa det detta dig din dina ditt du där då
        efter ej eller en er ett från för förut ha hade han hans har hon honom hur här i icke ingen inom inte jag ju
        kan man med mellan men mig min mina mitt mot mycket ni nu när någon något några och om oss på samma sedan sig
        sin sina sitt skulle som så sådan till under upp ut utan vad var vara varför varit vars vem vi vid vilka vilken
        vilket var vår våra över""",
    "danish": """
        af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din dine disse dit dog du
        efter eller en end er et for fra ham han hans har havde have hende hendes her hos hun hvad hvem hvilken hvis
        hvor hvordan hvorfor hvornår i ikke ind jeg jer jo kunne man mange med meget men mig min mine mit mod nogen
        noget nogle nu når og også om op os over på selv sig sin sine sit skal skulle som sådan til ud under var vi vil
        ville vor være været""",
    "norwegian": """
        alle at av bare begge ble bli blir da de deg dem den denne der deres det dette di din disse ditt du dykk en
        eller enn er et etter for fordi fra før ha hadde han hans har hennes her hun hva hvem hvilken hvis hvor hvordan
        hvorfor i ikke ingen inn ja jeg kan kom kunne man mange med meg men mer mi min mine mitt mot mye når noe noen
        nå og også om opp oss over på seg selv si sin sine sitt skal skulle slik som så til um under ut var ved vi vil
        ville vår være vært""",
    "polish": """
        a aby ale bardzo bez bo by był była było były być ci co czy czyli dla do gdy gdzie go i ich ile im ja jak jaka
        jaki jakie jako je jego jej jemu jest jestem jeszcze jeśli już kiedy kim kto która które którego której który
        których którzy lub ma mam mi mnie moja moje mój może mu my na nad nam nas nasz nie nią nich nim niż no o od on
        ona one oni oraz po pod ponieważ przed przez przy są się ta tak także tam te tego tej ten też to tu twoja twój
        ty tych tylko tym u w wam was we wszystko z za ze że""",
    "czech": """
        a aby ale ani až bez bude budou by byl byla byli bylo být co což či další do ho i já jak jako je jeho jej její
        jejich jen ještě ji jich jim jsem jsme jsou jste k kam kde kdo kdy kdyby když která které který kteří ku ma má
        mají mé mezi mi mít mne mnou moje můj může na nad nám nás náš ne nebo není než nic o od on ona oni ono po pod
        podle pokud pro proč proto protože před přes při s se si své svůj svých ta tak také tam te ten tento to toho
        tom tu tuto ty u už v vám vás váš ve však z za ze že""",
    "hungarian": """
        a az egy és hogy nem is de ha csak meg mint már még volt van vagy ez azt ezt ami aki akik amely el ki be fel le
        én te ő mi ti ők engem téged őt minket nekem neked neki nekünk hol hova honnan mikor miért hogyan mit kit ki
        milyen melyik mennyi hány lesz lett vannak voltak voltam sem se majd most itt ott így úgy minden mert mivel
        után előtt alatt között által is pedig azonban""",
    "romanian": """
        a acea aceasta această aceea acel acest acesta aceste acești ai al ale am ar are as au avea ca că care când
        către ce cel cele cu cui cum dacă dar de decât deci despre din după e ea ei el ele era este eu fi fie fost
        iar îi îl în între la le lor lui mai mea mele meu mi mult nici noi nu o or pe pentru prin sa sale sau să se și
        sunt su ta te tu un una unde unei unor unui va vă voi""",
    "turkish": """
        acaba ama ancak bana bazı belki ben benden beni benim bir biz bize bizi bizim bu buna bunu bunun çok çünkü da
        daha de değil diye en gibi hem hep her hiç için ile ise kaç kadar ki kim kime kimin mı mi mu mü nasıl ne neden
        nerede nereye niçin o olan olarak oldu on ona onlar onu onun sana sen seni senin siz size sonra şey şu ve veya
        var vardı ya yok""",
    "finnish": """
        ei eivät ehkä en että eli et he hän hänen häntä ja jo joka jonka jos jossa kaikki kanssa kun kuin kuka
        kuinka koska kuten me meidän mikä mikään miksi milloin millainen minkä minne minua minun minulla minä missä
        mistä mitä mukaan mutta myös ne niin niiden nuo nyt näitä nämä ole olen olemme oli olin olisi olivat olla olleet
        ollut on ovat se sekä sen siellä sillä sinun sinä sitä tai te tuo tämä tämän tässä tätä vaan vain vaikka vielä
        voi""",
    "catalan": """
        al als amb aquest aquesta aquests aquestes això allò com de del dels des el ella elles ells els em en ens entre
        era eren és està esteu estic ets fins fou ha han has he hem heu hi i jo la les li llur lo me meu meva molt més
        mi ni no nosaltres o on per però perquè quan que què qual qui quin quina sa se sense ser seu seva si són sóc
        també te tu un una unes uns vostè vaig va van""",
    "russian": """
        а без более бы был была были было быть в вам вас весь во вот все всё всего всех вы где да даже для до его ее её
        если есть еще ещё же за здесь и из или им их к как какая какие какой ко когда кого который которая которые кто
        куда ли меня мне мной мой моя моё мы на над нам нас наш не него нее неё ней нет ни них но ну о об он она они
        оно от откуда по под почему при с сам свой себя сейчас со так также такой там твой тебе тебя то тогда того тоже
        только том тот ты у уже чего чей чем что чтобы это этот эта эти я""",
    "chinese": """
        的 了 着 过 和 与 及 或 在 是 有 我 你 您 他 她 它 我们 你们 他们 她们 它们 咱们 自己 这 那 这个 那个
        这些 那些 这里 那里 这儿 那儿 哪 哪个 哪些 哪里 哪儿 谁 什么 怎么 怎样 怎么样 为什么 多少 几 何时
        什么时候 吗 呢 吧 啊 呀 嘛 也 都 就 才 还 又 很 把 被 让 给 对 对于 从 到 向 往 以 为 为了 因为 所以 但
        但是 而 而且 并 并且 如果 虽然 然后 之 其 于 会 能 可以 要 想 不 没 没有 个 一个 一些 一 些 地 得 里 上
        中 的话 们 時 們 這 個 這個 那個 為什麼 為 时候 時候 什麼 嗎 誰 哪裡 還 會 對 從 給 讓 說 说""",
}

STOP_WORDS = {language: frozenset(words.split()) for language, words in _LISTS.items()}
"""By language. Of languages without a list, rarity alone says how little such words weigh."""
