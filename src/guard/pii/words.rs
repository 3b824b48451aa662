//! Words that are in every conversation and are no names.

use std::collections::HashSet;
use std::sync::LazyLock;

const COMMON: &str = "\
a an the and or but nor so yet if then than that this these those there here where when why how what which who whom whose
i me my mine myself you your yours yourself he him his himself she her hers herself it its itself we us our ours they them
their theirs is am are was were be been being do does did done doing have has had having will would shall should can could
may might must ought not no yes yeah yep nope ok okay sure please thanks thank sorry hello hi hey bye goodbye welcome well
to of in on at by for with from into onto over under about above below after before between through during without within
against along across around behind beyond near off out up down again further once just only also too very really quite
rather almost always never ever often sometimes usually already still even else instead maybe perhaps probably actually
basically literally honestly right left now today tomorrow tonight yesterday soon later early late morning afternoon
evening night day days week weeks month months year years hour hours minute minutes second seconds time times date dates
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million zero oh first last next another
other others some any all each every both few many much more most less least several such same own enough lot lots bit
get gets got getting gotten go goes going gone went come comes came coming make makes made making take takes took taken
taking give gives gave given giving say says said saying tell tells told telling ask asks asked asking know knows knew
known think thinks thought thinking see sees saw seen seeing look looks looked looking find finds found want wants wanted
need needs needed try tries tried trying use uses used using work works worked working call calls called calling speak
speaks speaking spoke spoken talk talking talked keep keeps kept let lets put puts set sets seem seems feel feels felt
leave leaves left help helps helped helping show shows showed start starts started stop stops stopped run runs running
turn turns turned play move moves moved like likes liked live lives lived living believe hold holds bring brings brought
happen happens happened write writes wrote written provide sit stand lose loses lost pay pays paid paying meet include
continue change changes changed changing learn lead understand understood watch follow follows create open opened close
closed walk win offer offers offered remember love consider appear buy buys bought wait waits waiting waited serve die
send sends sent sending expect build stay fall cut reach reaches kill remain suggest raise pass sell sold require report
reports decide pull return returned returns explain hope hopes develop carry break broke broken receive received agree
support supports hit produce eat cover catch draw choose chose cause point listen realize place places close wonder
check checks checked checking confirm confirms confirmed verify verified update updated cancel cancelled canceled order
orders ordered refund refunds refunded charge charged charges bill bills billed billing payment payments account accounts
number numbers card cards credit debit bank money balance amount price prices cost costs fee fees email mail e-mail
address phone mobile telephone cell line code codes password pin name names surname company business customer customers
client service services agent manager team department product products item items plan plans contract subscription
internet broadband router modem wifi signal network data device app website site page link online order delivery package
parcel tracking shipping store shop appointment booking reservation flight hotel ticket tickets case issue issues
problem problems question questions answer information info details detail reason way thing things something anything
nothing everything someone anyone everyone nobody somebody people person man woman guy guys friend friends family
husband wife son daughter mother father mom mum dad brother sister child children kids baby partner boss colleague
neighbour neighbor landlord tenant doctor nurse patient lady sir madam ma'am mister folks home house office work school
city town country state street road room car old new good bad great nice big small long short high low large little
young different important wrong correct fine able available ready happy sad angry upset frustrated annoyed confused
concerned interested afraid glad busy free full empty easy hard difficult possible impossible main same sure true false
whole clear certain able unable due back away together apart forward ahead inside outside upstairs downstairs uh um er
erm uhm hmm ah oh wow mhm huh alright anyway however because since although though while until unless whether as
per via upon regarding concerning ago don't doesn't didn't can't cannot couldn't won't wouldn't shouldn't isn't aren't
wasn't weren't haven't hasn't hadn't i'm i've i'll i'd you're you've you'll you'd he's she's it's we're we've we'll
they're they've that's there's here's what's who's where's how's let's name's ain't gonna wanna gotta kinda dear
regards sincerely cheers best kind warm wishes yours faithfully respectfully love team everyone everybody all
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october
november december jan feb mar apr jun jul aug sep sept oct nov dec spring summer autumn fall winter mr mrs ms miss dr
prof mx english german french spanish latvian american british canadian australian indian chinese irish scottish
dutch italian polish russian european spelled spell spelt letter letters capital dot dash underscore slash plus minus
double triple treble point com org net calling speaking representative operator robot bot assistant human speech
also email's account's currently trying locked stuck charged getting having wondering hoping following experiencing
contacting writing reaching unhappy disappointed supposed allowed ending starting expires expired living based located
born registered signed owner holder member user admin support sales finance accounting technical tech complaints
dialling dialing ringing texting messaging typing joining leaving returning replying responding responding moving
new-customer loyal long-time existing previous former current interested unsure curious aware worried tired sick done
fed ill pregnant disabled blind deaf diabetic allergic retired unemployed married divorced single alone there
and-so der die das und ist nicht ein eine ich bin mein meine mit von zu auf für im am an ja nein bitte danke wie aber
wir sie ihr le la les un une des du de et est je suis mon ma pas pour dans sur avec vous nous oui non merci mais
el los las una uno y es soy mi no con por para sí gracias pero yo usted un ir es mans mana un no uz ar par jā nē
lūdzu paldies bet kas mr. herr frau monsieur madame señor señora apartment apt flat unit suite floor building block
zip postcode postal license licence passport driver drivers social security insurance tax date birth birthday expiry
expiration valid cvv iban sort routing digits digit reference ref invoice policy claim loan mortgage savings checking
mate pal buddy heaps loads tons bunch million ever bro dude guys hun darling honey dear everyone quick quickly question
folk anybody honestly advance anyway greatly kindly agent support morning's evening's tv box set sim esim roaming minutes texts gigabytes screen button keyboard printer laptop computer
phone's iphone android windows apple google amazon microsoft samsung netflix visa mastercard paypal facebook vodafone
verizon comcast accent advisor adviser supervisor technician engineer courier driver reception receptionist";

static WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| COMMON.split_whitespace().collect());

/// Whether a word in lower case is one that everybody uses, and so no name by itself.
pub(super) fn is_common(word: &str) -> bool {
    WORDS.contains(word)
}
