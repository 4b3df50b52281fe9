package keyword

// stopWords lists, by language, words that say how others stand together and nothing
// else. English has Lucene's list (EnglishAnalyzer), which the published figures of
// BM25 stand on, with the forms of questions and the contractions; the others are the
// articles, prepositions, conjunctions, pronouns and auxiliaries of each.
var stopWords = map[string]string{
	"en": `a an and are as at be but by for if in into is it no not of on or such that the their then there these they
		this to was will with
		what which who whom whose when where why how do does did doing have has had having been being am were can could should
		would may might must shall from about its his her him he she we our you your i me my than those some any all each
		don't doesn't didn't isn't aren't wasn't weren't can't won't i'm it's that's there's`,
	"da": `af at blev blive bliver da de dem den der deres det dig din disse du efter eller en end er et for fra ham han
		hans har havde have hende hendes her hos hun hvad hvis hvor i ikke ind jeg jer jo kunne man mange med men mig min mine
		mit mod ned noget nogle nu når og også om op os over på selv sig sin sine sit skal skulle som sådan thi til ud under
		var vi vil ville vor være været`,
	"de": `aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus bei bin bis bist da
		damit dann das dass dein deine dem den der des dessen derselbe dich die dies diese diesem diesen dieser dieses dir
		doch dort du durch ein eine einem einen einer eines einige einigen er es etwas euch euer eure für gegen gewesen hab
		habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem ins ist
		jede jedem jeden jeder jedes jene jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner können könnte man
		manche mein meine mich mir mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen
		seiner seines selbst sich sie sind so solche soll sollte sondern sonst um und uns unser unsere unter viel vom von vor
		war waren warst was weg weil weiter welche welchem welchen welcher welches wenn werde werden wie wieder will wir wird
		wirst wo wollen wollte würde würden wurde wurden zu zum zur zwar zwischen über`,
	"es": `a al algo algunas algunos ante antes como con contra cual cuando de del desde donde durante e el ella ellas ellos
		en entre era erais eran eras eres es esa esas ese eso esos esta estaba estado estamos estar estas este esto estos está
		están fue fueron fui ha haber había habían han has hasta hay he la las le les lo los me mi mis mucho muchos muy más mí
		nada ni no nos nosotros nuestra nuestro o os otra otras otro otros para pero poco por porque que quien quienes qué se
		sea sean ser si sido sin sobre sois somos son soy su sus suya suyo sí también tanto te tiene tienen todo todos tu tus
		tú un una uno unos y ya yo él`,
	"fi": `ei eivät emme en et ette että he heidän heidät heille heillä heistä heitä hän häneen hänelle hänellä häneltä hänen
		hänessä hänestä hänet häntä itse ja johon joiden joihin joiksi joille joilla joilta joina joissa joista joita joka
		joksi jolla jolle jolta jona jonka jos jossa josta jota jotka kanssa keiden ketkä kuin kuka kun me meidän meille meitä
		mikä mille millä miltä minkä minun minut minä mitkä mitä mukaan mutta muut ne niiden niille niin niissä niistä niitä
		noiden nuo nyt nämä näiden näitä ole olemme olen olet olette oli olimme olin olit olivat olla olleet ollut on ovat se
		sekä sen siihen siinä siitä sille sillä siltä sinun sinä sitä tai te teidän tuo tuon tähän tällä tämä tämän tässä
		tästä tätä vaan vai vaikka yli`,
	"fr": `à ai aie aient as au aura aurait aux avait avaient avec avez avons c ce ceci cela ces cet cette d dans de des du
		elle elles en es est et étaient étais était étant été être eu eux fut il ils j je l la le les leur leurs lui m ma mais
		me même mes moi mon n ne nos notre nous on ont ou où par pas pour qu que quel quelle quelles quels qui s sa sans se
		sera serait ses si soi soient sois soit sommes son sont sous suis sur t ta te tes toi ton tu un une vos votre vous y`,
	"hu": `a abban ahhoz aki akik akkor alatt amely amelyek amelyet ami amit az azok azon azt aztán azzal azért be csak de e
		ebben egy ehhez ekkor el ellen elő először előtt én ennek erre és ez ezek ezen ezt ezzel ezért fel hanem ha hogy hogyan
		ide igen ill illetve is itt jól jobban ki kell keresztül köz között közül le legyen lehet lehetett lenne lenni lesz
		lett ma maga magát majd már meg mely melyek mert mi mint mintha mit mivel most nagy nem néha nekem neki ő ők őket össze
		ott pedig rá s saját sem semmi sok számára szemben szerint szinte talán te tehát teljes több tovább túl úgy új újra
		után vagy vagyis valaki valami van vannak vele vissza viszont volna volt voltak`,
	"it": `a abbia abbiamo ad agli ai al alla alle allo anche aveva avevano avere c che chi ci coi col come con contro cui d
		da dagli dai dal dalla dalle dallo degli dei del dell della delle dello di dov dove e è ed era erano essere fu furono
		gli ha hai hanno ho i il in io l la le lei li lo loro lui ma mi mia mio ne negli nei nel nella nelle nello noi non nostra
		nostro o per perché più quale quanta quanto quella quelle quelli quello questa queste questi questo se sei si sia siamo
		siano sono sta stata stati stato su sua sue sugli sui sul sulla sulle sullo suo suoi ti tra tu tua tuo tutti tutto un una
		uno vi voi`,
	"nl": `aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een eens en er ge geen
		geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je kan kon kunnen maar me meer men
		met mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over reeds te tegen toch toen tot u uit uw van
		veel voor want waren was wat werd wezen wie wil worden wordt zal ze zelf zich zij zijn zo zonder zou`,
	"no": `alle at av bare begge ble blei bli blir blitt både da de deg dei deim deira den denne der dere deres det dette di
		din disse du eg ein eit eller en enn er et ett etter for fordi fra før ha hadde han hans har hennar henne hennes her hjå
		ho hoe honom hos hun hva hvem hver hvilke hvilken hvis hvor hvordan hvorfor i ikke ikkje inn ja jeg kan kom kun kunne
		kva kvar kven man mange me med medan meg men mi min mine mitt mot mykje nå når no noe noen noko og også om opp oss over
		på samme seg selv si sia sidan siden sin sine sitt skal skulle slik so som somt så til um upp ut uten var vart varte ved
		vere verte vi vil ville vor vore vors vort være vært å`,
	"pt": `a ao aos aquela aquelas aquele aqueles aquilo as até com como da das de dela delas dele deles depois do dos e é ela
		elas ele eles em entre era eram essa essas esse esses esta estas este estes está estão eu foi foram há isso isto já lhe
		lhes lo mais mas me mesmo meu meus minha minhas muito na não nas nem no nos nossa nossas nosso nossos num numa o os ou
		para pela pelas pelo pelos por quando que quem se seja sem ser será seu seus só sua suas são também te tem têm teu tinha
		tu tua um uma você vocês vos à às`,
	"ro": `a abia acea aceasta această aceea aceia acel acela acele acelea acest acesta aceste acestea acestei acestor acestui
		acum ai aia al ale alea altfel alt alta am ar are as asta astea atunci au avea avem aveți ați ca că care ce cea cei cel
		cele cine cu cum da dacă dar de deci deja din după e ea ei el ele era erau este eu fi fie fiind fost i iar îi îl îmi în
		înainte între își îți la le li lor lui mai mea mei mele meu mi mine mult na ne nici noi nostru noștri nu o or ori pe
		pentru pînă până prea prin s sa să sale sau se și sunt suntem sunteți ta tale te toate tot toți tu un una unde unei
		unele unii unor unui va vă voi vor vostru`,
	"ru": `а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его ее ей ему если
		есть еще же за и из или им их к как какая какой ко когда который которая которое которые кто ли либо мне может мой моя
		мы на над надо наш не него нее нет ни них но ну о об однако он она они оно от по под при с со так также такой там те тем
		то того тоже той только том ты у уже хотя чего чей чем что чтобы чье чья эта эти это этого этой этом этот я`,
	"sv": `alla att av blev bli blir blivit de dem den denna deras dess dessa det detta dig din dina ditt du där då efter ej
		eller en er era ert ett från för ha hade han hans har henne hennes hon honom hur här i icke ingen inom inte jag ju kan
		kunde man med mellan men mig min mina mitt mot mycket ni nu när någon något några och om oss på samma sedan sig sin sina
		sitta själv skulle som så sådan till under upp ut utan vad var vara varför varit vars vart vem vi vid vilka vilken
		vilket vår våra vårt än är åt över`,
	"tr": `acaba ama ancak artık aslında az bana bazı belki ben beni benim bile bir biri birkaç birşey biz bize bizi bizim bu
		buna bunda bundan bunlar bunu bunun çok çünkü da daha de değil diye eğer en gibi hem hep hepsi her hiç için ile ise
		işte kadar ki kim kime kimi mı mi mu mü nasıl ne neden nerde nerede nereye niçin niye o olan olarak oldu olduğu olup on
		ona ondan onlar onu onun sanki sen seni senin siz sizi sizin şey şu tüm ve veya ya yani`,
	"ar": `من في على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين ما ماذا لا لم لن إن ان أن أو او ثم قد كان كانت يكون تكون كل بعض غير
		بين عند حيث هو هي هم هن نحن أنا انت أنت كما لكن ولكن إذا اذا حتى منذ فيه فيها منه منها عليه عليها به بها له لها لهم و ف ب ل كم متى أين كيف هل أي
		وقد ولم ولا وفي ومن وهو وهي فى`,
	"pl": `a aby ale albo bez bo by był była było były być co czy dla do gdy gdzie go i ich im inne iż ja jak jako je jednak jego
		jej jest jeszcze jeśli już każdy kiedy kto która które którego której który którzy lub ma mają mi mnie może my na nad nam
		nas nie niego niej nich o od on ona one oni ono oraz po pod poza przed przez przy są się ta tak tam te tego tej ten to
		tu tych tylko tym w we wam was wszystko wy z za ze że`,
	"cs": `a aby ale ani asi až bez by být byl byla bylo byly co či do ho i já jak jako je jeho jej její jejich jen ještě ji jich
		jim jsem jsme jsou k kde kdo když která které který kteří ku ma mám mezi mi mít mne my na nad nám nás ne nebo není než o
		od on ona oni ono po pod podle pro proto protože před při s se si tak také tam tato ten tento to tohoto tom tomu tu ty u
		už v ve však všechny vy z za ze že`,
	"uk": `а або але без би був була були було бути в від він вона вони воно все всі да де для до є її за з зі і із їх й його
		коли ли лише ми мій на над нас не ні ну о об один от по під при про с та так також те ти то той тому у це цей ця ці
		чи чого щоб що як який яка яке які я`,
	"bg": `а ако без бе беше би бил била били було в ви вие все във възможно го да до докато за и из или им има й как като кога
		което които който която към ли ме между ми мнения може му на над най не него нея ни ние но о обаче около от отново по под
		при с са само се си след сме со също става съм със т тази така такива там те тези ти това този той то тогава тук тъй у че
		ще я`,
	"el": `ο η το οι τα του τησ των τον την και κι κ ειναι είναι εναι ενασ ένασ μια μία ενα ένα σε στο στη στην στον στα στουσ
		στισ στησ απο από με για προσ ωσ ώσ που πού πωσ πώσ να θα δε δεν δεν μη μην αν αλλα αλλά όταν ότι οτι ή τι τισ τουσ
		αυτο αυτό αυτη αυτή αυτοσ αυτόσ`,
	"id": `ada adalah agar akan atau bagi bahwa dalam dan dapat dari dengan di harus hanya ia ini itu juga karena ke kepada
		lain mereka oleh pada para saat saya sebagai sebuah secara seperti serta setelah suatu sudah telah tentang tersebut
		tetapi tidak untuk yang`,
	"vi": `bị bởi các cho có của cũng cùng đã đang đây để đến đó được do gì hay hoặc khi không là lên lại mà mỗi một này nên
		nếu ngay nhưng những như nơi nữa ở phải qua ra rằng rất sẽ sau sự tại theo thì trên trong từ và vào về vì với vẫn`,
	"ca": `a al als amb aquest aquesta com d de del dels el els em en és ens era es són està et ha han hi i l la les li lo més
		n no o per perquè però que qui s sa se seu seva si sobre un una uns us va`,
	"fa": `و در به از که این را با است برای آن یک هر هم خود تا بر یا نیز باشد شده اند ها های می شد شود کرد کرده دارد بود بودند اما اگر چه ما او من`,
	"ur": `کے کی اور میں ہے کو سے کا اس ہیں پر نے کہ یا جو بھی ایک یہ وہ تھا تھے تھی گا گی کر ہو نہیں اپنے`,
	"he": `של את על עם אל לא כי אם או גם הוא היא הם הן אני אתה אנחנו זה זו זאת אלה אשר יש אין היה היתה היו כל כן מה מי רק עד אך אבל`,
	"hi": `के की और में है को से का इस हैं पर ने कि या जो भी किसी एक नहीं कर अपने हो लिए यह वह था थे थी गया तो ही साथ हुआ`,
	"ta": `ஒரு என்று மற்றும் இந்த இது என்ற கொண்டு என்பது பல ஆகும் அல்லது அவர் நான் உள்ள அந்த இவர் என முதல் என்ன இருந்து சில`,
	"ga": `a ach ag agus an aon ar as ba beirt bhur de do don é eile faoi go gur i iad in is le leis mar mé na nach ní nó os sa
		se seo sí sin siad tá thú tú um`,
}
