//! Given names and surnames of many cultures, written down from general knowledge.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Names that hardly mean anything else.
const GIVEN: &str = "\
aaliyah aaron abby abdul abdullah abel abigail abraham adam addison adele adrian adriana agata agnes agnese agnieszka ahmad
ahmed aidan aiden aiko aileen aisha aiyana akash akira alan alana alba albert alberto alejandra alejandro aleksander
aleksandra aleksandrs alessandro alessia alexander alexandra alexandre alexandru alexei alexis alfred alfredo ali alice
alicia alina alisha alison alistair allison alma alvaro amanda amara amelia amina amir amit amy ana anastasia anders
andre andrea andreas andrei andrejs andres andrew andris andrzej andy anete angela angelica angelina angelo angus anil anita
anja anjali ann anna annabelle anne annette annie anthony anton antonia antonio antony anya aoife ariana arjun arman
armando arnold arthur artjoms arturo arturs arun asha ashley ashok astrid atsuko audrey aurelie axel ayesha baiba barbara
barry bartosz beata beatrice beatriz becky ben benedict benjamin bernadette bernard bernhard bertrand beth bethany betty
beverly bianca billy birgit bjorn bogdan bradley brandon brenda brendan brent brett brian bridget brigitte britney bruce
bruno bryan caitlin callum calvin camila camille cameron carl carla carlos carmen carol carole carolina caroline carolyn
cassandra catalina catarina caterina catherine cathy catriona cecilia cedric celeste celine cesar chantal charlene charles
charlie cheng chiara chidi chinedu chioma chloe chris christa christian christiane christina christine christoph christopher
chukwuemeka ciara cindy claire clara clarence claudia claudine clement clive cody colette colin colleen connor conor
constance cora corinne craig cristian cristiana cristina crystal curtis cynthia dace daiga dainis daisuke damian damien dan
dana daniel daniela daniele danielle danny daphne darius darren daryl dave david dawid deborah debra deepa deepak deirdre
denis denise dennis derek desmond devon diana diane didier diego dieter dietmar dilip dima dimitri dinesh dmitri dmitry
dolores dominic dominik dominika dominique donald donna dora doreen dorothy doris douglas duncan dylan dzintra eamon
edgar edgars edith edmund eduardo edward edwin eduards eileen eimear ekaterina elaine elena eleanor elias elif elijah elina
elisa elisabeth elise elizabeth elke ella ellen ellie eloise elsa elvis emeka emil emilia emiliano emilie emily emma
emmanuel enrique eric erica erik erika erin ernesto ernest esteban estelle esther ethan etienne eugene eva evan evelyn
evgeny fabian fabio fabrice farah farid fatima fatma fatoumata federica federico felicia felicity felipe felix ferdinand
fernanda fernando filip filippo fiona florian frances francesca francesco francine francis francisco franciszek franco
francois françois françoise franz fred freddie frederic frederick frederik freya friedrich fritz gabriel gabriela gabriele
gabrielle gareth gary gatis gavin geoffrey george georgia georgina gerald gerard gerhard germaine gert gertrude giacomo
gianluca gilbert gillian gina ginta gintaras giorgio giovanni girts giulia giuseppe gladys glenda gloria gonzalo gordon
grant grazyna greg gregor gregory grzegorz guillaume guillermo gunta guntis gustav gustavo guy gwen gwendolyn hakim hamid
hamza hanna hannah hannes hans harald hari harold harriet harry haruki harvey hasan hassan heather hector heidi heike
heinrich heinz helen helena helene helga helmut hendrik henri henrik henrike henry herbert herman hermann hilary hilda
hiroshi holger howard hubert hugh hugo hussein iain ian ibrahim ieva ignacio igor ilona ilze imran inara ines inese inga
ingeborg ingrid inta ioana irena irene irina iris isaac isabel isabella isabelle ismael ismail ivan ivana ivars ivo jaan
jacek jacob jacqueline jacques jade jaime jakob jakub jamal james jamie jan jana jane janet janice janina janis jānis
janusz jared jasmin jasmine jason javier jay jayden jean jeanette jeanne jeff jeffrey jelena jenna jennifer jenny jens
jeremy jerome jerry jesse jessica jesus jill jim jimmy jin jing joan joana joanna joanne joao joaquin jodie joe joel joelle
johan johann johanna johannes john johnny jon jonas jonathan jörg jorge jose josé josef josefina joseph josephine josh
joshua joyce juan juana juanita judith judy juha jules julia julian juliana julie julien juliet juliette julio julius jun
jurgen jürgen juris justin justine justyna kai kaito kamal kamala kamil karen karim karin karina karl karla karlis kārlis
karolina kaspars katarina katarzyna kate katerina katharina katherine kathleen kathryn kathy katia katie katja katrin katrina
kavita kayla kazuki keith keiko kelly kelvin ken kenji kenneth kenta kerry kevin khadija khalid khaled kieran kimberly
kirsten kirsty klaus kofi kristaps kristen kristian kristin kristina kristine krzysztof kumar kunal kurt kwame kyle kyoko
lakshmi lana lara larissa larry lars lasse laszlo laura lauren laurence laurent lauri lawrence layla lea leah leandro leanne
leila lena lennart leo leon leona leonard leonardo leonie leonor leroy lesley leslie leticia lewis liam lidia liene liesel
liga līga lilian liliana lillian lina linda lindsay lindsey linus lionel lisa liz lizzie lloyd logan lorena lorenzo loretta
lorna lorraine lotte louis louise luca lucas lucia lucie lucy ludovic luigi luis luisa lukas lukasz łukasz luke lydia lynn
madeleine mads magali magda magdalena magnus mahmoud maija maja malcolm malgorzata małgorzata malik manfred mandy manish
manju manoj manuel manuela marc marcel marcela marcello marcia marcin marco marcos marcus margaret margarita margot
marguerite maria mariam marian mariana marianne marie mariela marija marilyn marina mario marion maris māris marisa
marjorie markus marlene marta martha martin martina martins martine marvin mary maryam masako mateo mateusz mathias
mathieu mathilde matilda matteo matthew matthias matthieu maureen maurice mauricio mauro max maxim maximilian maxime maya
megan mehdi mehmet mei melanie melinda melissa mercedes meredith michael michaela michal michał michel michele michelle
miguel mihai mikael mikhail miles milan milena millicent ming miriam mitchell miyuki modris moira molly mona monica monika
monique morgan morris moses muhammad mohamed mohammad mohammed mohammad murali muriel murray mustafa mykola myriam nadia nadine
nadezhda nancy naomi natalia natalie natasha nathalie nathan nathaniel neha neil nelson nicholas nick nicola nicolas nicole
nicoletta niels nigel nikhil nikita niklas nikola nikolai nikolaos nikos nils nina nisha noah noel noemi noor nora norbert
norma norman normunds oksana olaf oleg olga oliver olivia olivier omar ophelia oscar oskar osman otto owen pablo pamela
paola paolo pascal patricia patrick patrik patrycja paul paula paulina pauline paulo pavel pawel paweł pedro peggy penelope
pernille peter petra petros phil philip philipp philippa philippe phillip phoebe phyllis pierre pietro pilar piotr polina
prakash preeti priscilla priya quentin rachel rafael rahul raimonds raj rajesh rakesh ralf ralph ramesh ramon ramona rana
randall randy raphael raquel rashid raul ravi raymond rebecca regina reginald reinhard reinis rekha renata renate rene
renee ricardo richard rick rihards rita robert roberta roberto robin rocio rodney rodrigo roger rohan rohit roland rolf roman
romain ronald ronan rosa rosalind rosemary rosie roxanne ruben rudolf rukmini rupert russell ruta ruth ryan sabine sabrina
sachin sadie saeed safiya said sakura salma salman salvador salvatore samantha sameer samir samuel sandeep sandra sandrine
sandro sanjay sanne santiago sanita sara sarah satoshi saul scott sean sebastian sebastien selma serena serge sergei
sergey sergio seth shane shannon sharon shaun shauna sheila shelley shen shirley siddharth sigrid silvia simon simona
simone sinead siobhan sofia sofie soledad solene sonia sonja sophia sophie soren søren stacey stacy stanislav stanley
stefan stefania stefanie stefano steffen stella stephan stephane stephanie stephen steve steven stuart sunil sunita suresh
susan susana susanna susanne suzanne svein sven svetlana sylvia sylvie szymon tadeusz takashi takeshi tamara tania tanja
tanya tara tariq tatiana tatjana taylor teodor teresa terrence terry tessa thabo theo theodora theodore theresa therese
thibault thierry thomas thorsten tiago tiffany tim timothy tina tobias toby todd tom tomas tomasz tommy toms toni tony
torsten tracey tracy travis trevor tristan tyler udo ugo ulrich ulrike umar ursula ute uwe vadim valdis valentin
valentina valeria valerie vanessa vasily vera verena veronica veronika vicente vicki vicky victor victoria vijay vikram
viktor viktoria vinay vincent vincenzo viola violeta virginie vishal vita vitalijs vivian viviana viviane vladimir
volker vytautas walter wanda warren wei wendy werner wesley wilfred wilhelm willem william willie wilma winifred winston
wojciech wolfgang xavier xiao ximena yan yannick yara yasmin yasmine yolanda yosef youssef yuki yuko yulia yuri yusuf
yvette yvonne zachary zahra zainab zane zanda zara zeynep zlata zofia zoe zoltan zsofia
adaeze adebayo adeola ayodele babatunde efua emre folake funmilayo ifeoma kemi ngozi nkechi nnamdi obinna oluwaseun
olumide segun sizwe sipho thandi thandiwe tunde uche wanjiku yaw zanele zola lwazi tendai farai rutendo amadou mamadou
ousmane moussa oumar mariama awa nneka bilal faisal hadi jamila karima laila leyla mahmud mariama mina nabil nasir omid
parisa reza rania salim samira shirin siham soraya tahir yasin zaid zeinab ayumi daiki hana haruto hinata kenichi mai
makoto masashi megumi misaki nanami naoko riku sayuri shinji sora tomoko yoshiko yuto yusuke bao chau duc hien hoang
huong khanh lien linh minh ngoc phuong quang quyen thanh thao thi thu thuy tien trang tuan tuyen jiwoo jisoo minjun
seojun seoyeon hyun jihoon yuna xin yong zhen hui jie ling mingyu aarav aditi aditya ananya anushka arnav bhavna chetan
devika divya gaurav geeta gopal harish ishaan jyoti karthik kiran lalita mahesh meena meera mohan mukesh naveen nikhita
pooja pranav rajiv ramya ritu rohini sangeeta sarita shreya sneha sudhir sushma swati tanvi tarun uday uma varun vidya
vivek yash aino eero eino elina emilia heikki jari jukka kaarina kalle kari katri kirsi lauri maarit marjatta matti mikko
minna outi paavo pekka petri pirjo raija risto ritva sanna sari seppo tapio tarja teemu timo tuomas veikko aase arne
bjarne dagny egil einar frode geir gunnar hakon hege helge inger ivar kjell knut leif liv morten odd oddvar ola olav
oystein ragnhild randi roar sigurd sissel solveig tone tore torbjorn trond trygve unni";

/// Names that are words, places or months as well: only where something says that a name stands there.
const AMBIGUOUS: &str = "\
will may mark rose grace hope bill art jack pat rob sue drew chase frank gene dean dale glen ray june april august summer
autumn joy faith charity jordan chad paris london austin dallas madison sydney florence charlotte victoria virginia carolina
houston israel kenya chelsea brooklyn china lance rich grant guy miles dawn eve ivy lily daisy violet ruby pearl amber jade
olive ginger hazel heather holly iris jasmine poppy rosemary basil sage heath cliff rusty sandy stormy sunny skip chip buck
duke earl king prince princess rex bishop angel christian dick don ed al cal hal sal max nick norm dot pip bob buddy sam
alex alexa kim lee leigh ash carter cooper hunter harper mason parker piper porter taylor tanner tyler archer sawyer turner
walker major justice destiny trinity patience prudence constance mercy melody harmony carol crystal gloria jewel star sky
skye river rain robin jay martin penny patty peg nan bea viola bonnie misty sonny trip colt wade reed reid lane brook
brooke clay flint forest forrest rocky sterling storm drake wolf wolfgang jean jan jun vita mai tone said rana sari mina
noel tim sora star era ola liv odd thu thanh tien awa kari mei ming wei ling xin hui jin";

const SURNAMES: &str = "\
smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas
taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker young allen king
wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter roberts gomez phillips
evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper
peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez wood james bennett gray mendoza ruiz
hughes price alvarez castillo sanders patel myers long ross foster jimenez powell jenkins perry russell sullivan bell
coleman butler henderson barnes fisher vasquez simmons romero jordan patterson alexander hamilton graham reynolds griffin
wallace moreno west cole hayes bryant herrera gibson ellis tran medina aguilar stevens murray ford castro marshall owens
harrison fernandez mcdonald woods washington kennedy wells vargas henry chen freeman webb tucker guzman burns crawford
olson simpson porter hunter gordon mendez silva shaw snyder mason dixon munoz hunt hicks holmes palmer wagner black
robertson boyd stone salazar fox warren mills meyer rice schmidt garza daniels ferguson nichols stephens soto weaver ryan
gardner payne grant dunn kelley spencer hawkins arnold pierce chan hansen peters santos hart bradley knight elliott
cunningham duncan armstrong hudson carroll lane riley andrews alvarado ray delgado berry perkins hoffman johnston matthews
pena richards contreras willis carpenter lawrence sandoval guerrero george chapman rios estrada ortega watkins greene
nunez wheeler valdez harper burke larson santiago maldonado morrison franklin carlson austin dominguez carr lawson jacobs
obrien lynch singh vega bishop montgomery oliver jensen harvey williamson gilbert dean sims espinoza howell li wong reid
hanson le mccoy garrett burton fuller wang weber welch rojas lucas marquez fields park yang little banks padilla day walsh
bowman schultz luna fowler mejia davies patel khan hussain ahmed begum kaur sharma gupta kumar verma mehta shah desai reddy
rao iyer nair menon pillai chopra kapoor malhotra joshi mishra pandey tiwari yadav banerjee chatterjee mukherjee bose das
ghosh sen müller mueller schneider fischer becker schulz koch bauer richter klein wolf schröder schroeder neumann schwarz
zimmermann braun krüger krueger hofmann hartmann lange schmitt werner krause lehmann schmid schulze maier köhler koehler
herrmann könig koenig walter mayer huber kaiser fuchs peters lang scholz möller moeller weiß weiss jung hahn schubert vogel
friedrich keller günther frank berger winkler roth beck lorenz baumann franke albrecht schuster simon ludwig böhm winter
kraus martin bernard dubois durand leroy moreau simon laurent lefebvre michel garcia david bertrand roux vincent fournier
morel girard andre lefevre mercier dupont lambert bonnet francois martinez legrand garnier faure rousseau blanc guerin
muller henry roussel nicolas perrin morin mathieu clement gauthier dumont lopez fontaine chevalier robin rossi russo
ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti de luca costa giordano mancini rizzo lombardi
moretti barbieri fontana santoro mariani rinaldi caruso ferrara galli martini leone longo gentile martinelli silva santos
oliveira souza sousa lima pereira ferreira costa rodrigues almeida nascimento alves carvalho araujo ribeiro gomes martins
barbosa rocha dias nunes teixeira correia mendes cardoso de jong jansen de vries van den berg bakker janssen visser smit
meijer de boer mulder de groot bos vos peters hendriks van dijk dekker dijkstra kowalski kowalska nowak wiśniewski wójcik
kowalczyk kamiński kaminski lewandowski zieliński zielinski szymański woźniak dąbrowski kozłowski jankowski mazur
kwiatkowski krawczyk nowakowski pawłowski michalski grabowski ivanov ivanova petrov petrova sidorov smirnov smirnova
kuznetsov kuznetsova popov popova volkov volkova sokolov sokolova lebedev kozlov novikov morozov pavlov romanov
berzins bērziņš berzina bērziņa kalnins kalniņš kalnina kalniņa ozols ozola liepins liepiņš liepina liepiņa krumins
krūmiņš krumina krūmiņa balodis balode eglitis eglītis eglite eglīte jansons jansone zarins zariņš petersons petersone
vanags vanaga kazlauskas jankauskas petrauskas butkus tamm saar sepp mägi kask nielsen hansen andersen pedersen christensen
larsen sorensen sørensen rasmussen jorgensen jørgensen olsen johansen kristiansen eriksen berg haugen hagen johannessen
andersson johansson karlsson nilsson eriksson larsson olsson persson svensson gustafsson pettersson jonsson jansson hansson
korhonen virtanen mäkinen nieminen mäkelä hämäläinen laine heikkinen koskinen järvinen papadopoulos nikolaidis georgiou
popescu ionescu radu dumitru stan stoica gheorghe nagy kovacs kovács toth tóth szabo szabó horvath horváth varga kiss
molnar novak novotny svoboda dvorak cerny prochazka yilmaz kaya demir sahin celik yildiz ozturk aydin ozdemir arslan cohen
levy mizrahi peretz friedman katz goldberg tanaka suzuki sato satō takahashi watanabe ito yamamoto nakamura kobayashi kato
yoshida yamada sasaki yamaguchi matsumoto inoue kimura hayashi shimizu saito mori abe ikeda hashimoto zhang liu zhao huang
zhou wu xu sun hu zhu gao lin guo ma luo liang song zheng tang feng xie han deng cao peng cheng cai pan yuan yu dong su
choi jung kang cho yoon jang lim shin seo kwon hwang ahn pham hoang phan vu vo dang bui do ho ngo duong okafor okonkwo
adeyemi adebayo balogun ogunleye eze nwosu okoro abubakar bello ibrahim musa mensah owusu boateng asante osei appiah
diallo traore keita coulibaly toure ndiaye diop fall sow dlamini nkosi ndlovu khumalo mthembu van der merwe botha naidoo
mwangi kamau otieno ochieng kariuki njoroge hassan ali mohamed abdi hussein rahman islam chowdhury akhtar malik qureshi
sheikh siddiqui rahimi ahmadi karimi haddad khoury mansour nasser saleh salem hamdan o'brien o'connor o'neill o'sullivan
o'reilly macdonald mackenzie mclean mcgregor macleod mckenzie mccarthy mclaughlin gallagher doherty kavanagh byrne
fitzgerald fitzpatrick brennan hennessy donnelly quinn nolan doyle whelan doe pritchard llewellyn bevan griffiths owen
haynes atkinson barker hodgson thornton whitehead chambers pearson saunders lowe barrett bates hewitt fletcher gibbons
harding hobbs jarvis kirby lambert lloyd marsh newton norris osborne parry parsons poole sharp slater stevenson sutton
swift sykes tate vaughan wade walters whittaker wilkins winter wyatt yates";

static GIVEN_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let ambiguous: HashSet<&str> = AMBIGUOUS.split_whitespace().collect();
    GIVEN
        .split_whitespace()
        .filter(|name| !ambiguous.contains(name))
        .collect()
});
static AMBIGUOUS_SET: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| AMBIGUOUS.split_whitespace().collect());
static SURNAME_SET: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| SURNAMES.split_whitespace().collect());

/// Whether a word in lower case is a given name and hardly anything else.
pub(super) fn is_given(word: &str) -> bool {
    GIVEN_SET.contains(word)
}

/// Whether it is a given name and a word of its own as well.
pub(super) fn is_ambiguous(word: &str) -> bool {
    AMBIGUOUS_SET.contains(word)
}

/// Whether it is a surname.
pub(super) fn is_surname(word: &str) -> bool {
    SURNAME_SET.contains(word)
}
