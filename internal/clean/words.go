package clean

import "strings"

const maxLanguages = 64

// functionLanguage is one language that its function words tell apart.
type functionLanguage struct {
	index int
	words string
}

// functionWords lists, by script, the commonest words that say nothing but which
// language a text is in.
var functionWords = map[script][]functionLanguage{
	latin: {
		{0, "the of and to in is that for it with as are be this by from or on you not an at have can will which all has their any"},
		{1, "der die das und ist in den von zu mit nicht ein eine des sich auf für dem im auch es werden oder als an aus bei wird sind haben jeder"},
		{2, "le la les de des et est en un une du que qui dans pour pas sur au par il plus ne se ce avec sont ou aux être toute cette vous"},
		{3, "de la que el en y los las un una se del por con no para su es al lo como más o sus toda tiene derecho este son pero"},
		{4, "de a o que e do da em um uma para com não os no se na por mais as dos das ao como à são ou seu sua pelo todo tem"},
		{5, "di e il la che in un una per è con non del della i le si da dei gli al alla sono più nel come delle ogni ha lo questo"},
		{6, "de het een van en in is dat op te voor met niet zijn die aan er om of ook als bij worden door naar heeft ieder deze wordt"},
		{7, "och att det i en på är som för av med den till inte har de om ett var eller sig från vi kan rätt skall varje ska"},
		{8, "og at det i en på er som for af med den til ikke har de et der eller sig fra vi kan ret skal enhver ved blive bliver blevet være hvor mod også efter"},
		{9, "og å det i en på er som for av med den til ikke har de et eller seg fra vi kan rett skal enhver ved bli blir blitt være hvor mot også etter å"},
		{10, "ja on ei että se oli hän ovat kun mutta tai olla joka niin myös kuin sen hänen sekä oikeus jokaisella ole tämä voi ovat mukaan"},
		{11, "i w na z do się nie jest że o to jak po co ma przez od za ale dla oraz lub być prawo jego są które każdy ich przy"},
		{12, "a v na se je že s z do o i ve k za po by jako pro co ale nebo má jsou být jeho každý které při právo kteří jeho"},
		{13, "ve bir bu da de için ile olarak olan her hakkı veya kadar daha gibi çok en ne ki herkes var değil sonra olduğu tarafından hakları"},
		{14, "và của có được các là trong cho người không với một này để những mọi quyền về theo đều phải hay từ khi đã cũng tự hoặc vào"},
		{15, "yang dan di untuk dengan dari ini pada tidak dalam adalah itu atau akan setiap orang oleh hak sebagai ke dapat juga atas harus tersebut bisa"},
		{16, "și în de la a cu pe care este să nu se din un o pentru mai sau ale fi lui orice dreptul are prin sunt au dar această"},
		{17, "a az és hogy nem is egy ez de meg van minden vagy joga csak mint el kell lehet azt mely erre volt joga ezt személynek való"},
	},
	cyrillic: {
		{20, "и в не на что с по к как это из у за от для о его или то но все имеет быть при право каждый так человек который их также мы"},
		{21, "і в не на що з до у як та це за від для про його або має бути при право кожна кожен так людина який їх є й але"},
		{22, "и в не на че с по към как това от за до е са се да или има при право всеки който тези със си но са които без като"},
	},
	arabic: {
		{25, "في من على إلى أن التي الذي هذا هذه عن مع لا ما كل أو لكل كان حق شخص بين قد له أية وفي ذلك بعد"},
		{26, "و در به از که این را با است برای آن یک هر هم خود تا حق کند شود بر یا نیز باشد دارد شده است می"},
		{27, "کے کی اور میں ہے کو سے کا اس ہیں پر نے کہ ہر یا جو بھی کسی حق شخص گا کر اپنے ہو نہیں"},
	},
	devanagari: {
		{30, "के की और में है को से का इस हैं पर ने कि हर या जो भी किसी एक नहीं प्रत्येक कर अपने हो लिए"},
		{31, "आणि आहे या व हे त्या तो ते आहेत किंवा प्रत्येक असा असे करणे ज्या म्हणून नये यासाठी हा यांचे करण्याचा त्याला हक्क होता च नाही की मध्ये"},
		{32, "र छ को मा का लाई ले हरू पनि यो हो नै भने भन्ने गर्न प्रति छन् हुने गर्ने भएको प्रत्येक व्यक्तिलाई अधिकार वा हुनेछ तथा"},
	},
}

var languageNames = map[int]string{
	0: "en", 1: "de", 2: "fr", 3: "es", 4: "pt", 5: "it", 6: "nl", 7: "sv", 8: "da", 9: "nb",
	10: "fi", 11: "pl", 12: "cs", 13: "tr", 14: "vi", 15: "id", 16: "ro", 17: "hu",
	20: "ru", 21: "uk", 22: "bg", 25: "ar", 26: "fa", 27: "ur", 30: "hi", 31: "mr", 32: "ne",
}

// functionWord is one function word: its number, and the set of languages that
// have it.
type functionWord struct {
	index     int
	languages uint64
}

const maxFunctionWords = 1024

var wordLanguages = func() map[string]functionWord {
	of := map[string]functionWord{}
	for _, languages := range functionWords {
		for _, language := range languages {
			for word := range strings.FieldsSeq(language.words) {
				known, ok := of[word]
				if !ok {
					known.index = len(of)
				}
				known.languages |= 1 << language.index
				of[word] = known
			}
		}
	}
	return of
}()
