//! Words of danger, and ways of speaking that only sound like it.

use crate::conversation::CrisisKind::{self, Abuse, ChildSafety, Medical, SelfHarm, Violence};

/// Most urgent first.
pub(super) const DANGER: &[(CrisisKind, &str)] = &[
    (
        SelfHarm,
        r"\b(?:kill(?:ing)?|hurt(?:ing)?|harm(?:ing)?|cut(?:ting)?|hang(?:ing)?|shoot(?:ing)?|drown(?:ing)?|poison(?:ing)?) (?:my ?self|me self)\b|\bsuicid\w*|\bend(?:ing)? (?:my|it all|this) life\b|\bend(?:ing)? it all\b|\btak(?:e|ing) my (?:own )?life\b|\bself[- ]harm\w*|\bunalive\b|\bkms\b|\boverdos\w*|\b(?:take|took|taken|swallow\w*) (?:all|too many|a (?:whole )?(?:bottle|pack|handful) of) (?:my |the |of )*(?:pills|tablets|meds|medication|sleeping)",
    ),
    (
        SelfHarm,
        r"\b(?:want|wanna|wish|going|gonna|ready|like|rather|prefer|hope|better)\b[^.!?]{0,24}\b(?:to die\b|to be dead\b|i was dead\b|i were dead\b|be dead\b|off dead\b|die tonight\b|was never born\b|wasn't (?:here|alive)\b|weren't (?:here|alive)\b|not be (?:here|alive)\b|disappear forever\b|never wake up\b|sleep forever\b)|\bi(?:'d| would| will|'ll)? (?:just )?(?:rather )?die\b|\bi'd be better off dead|\bbetter off (?:dead|without me)\b|\bno (?:reason|point|purpose) (?:in |to |for )?(?:me )?(?:to )?(?:living|live|going on|go on|being (?:here|alive)|staying alive|carrying on|my life|anymore|any more)\b",
    ),
    (
        SelfHarm,
        r"\b(?:don't|do not|dont|didn't|can't|cannot|cant) (?:want to|wanna|wish to|see (?:a|any) (?:reason|point) (?:to|in)|see the point (?:of|in)|even want to) (?:be here|be alive|live|living|wake up|exist|go on|going on|carry on|be around|do life|keep going)\b|\b(?:don't|do not|dont) want to (?:live|be alive|exist)\b|\bcan(?:'t|not| not) (?:go on|live like this|carry on|keep going|take (?:life|living)|do this life)\b|\b(?:tired|sick|done) (?:of|with) (?:living|life|being alive|existing)\b|\bgive up on (?:life|living)\b|\b(?:life|living) (?:is|isn't|is not|just isn't|feels) (?:not )?(?:worth|pointless|meaningless|unbearable)\b|\bnothing (?:left )?to live for\b|\bno one would (?:even )?(?:miss|notice)\b[^.!?]{0,24}\b(?:me|gone|died|dead)\b|\bnobody would (?:even )?(?:miss|notice|care)\b[^.!?]{0,24}\b(?:me|gone|died|dead)\b|\bworld (?:would be|is) better (?:off )?without me\b|\b(?:this|it) (?:is|will be|may be|might be) my (?:last|final) (?:day|night|call|message|goodbye)\b|\bwon't be (?:here|around|alive) (?:tomorrow|much longer|next|anymore|any more)\b|\b(?:say|saying|said) (?:my )?(?:final |last )?goodbyes\b|\bjump(?:ing)? (?:off|from) (?:the |a )?(?:bridge|roof|building|balcony|window)|\bin front of (?:a|the) train\b|\bthought(?:s)? (?:of|about) (?:dying|death|ending)\b|\bburden to every(?:one|body)\b|\bwrote (?:a|my) (?:goodbye|last) (?:letter|note)\b",
    ),
    (
        SelfHarm,
        r"\bumbringen\b|\bselbstmord\w*|\bsuizid\w*|\bnicht mehr leben\b|\bdas leben nehmen\b|\bsterben will\b|\bwill sterben\b|\bme suicider\b|\ben finir\b|\bplus envie de vivre\b|\bveux mourir\b|\bme tuer\b|\bmatarme\b|\bsuicidarme\b|\bquiero morir\b|\bno quiero vivir\b|\bquitarme la vida\b|\bpašnāv\w*|\bnegribu (?:vairs )?dzīvot\b|\bgribu (?:no)?mirt\b|\bnogalināt sevi\b",
    ),
    (
        Medical,
        r"\b(?:heart attack|having a stroke|had a stroke|chest pains?|pain in my chest|can(?:'t|not| not) breathe|not breathing|isn't breathing|stopped breathing|struggling to breathe|trouble breathing|unconscious|passed out|won't wake up|not waking up|unresponsive|having a seizure|bleeding (?:heavily|badly|out|a lot|everywhere)|(?:is|was|he's|she's|they're|i'm) (?:choking|bleeding)|allergic reaction|anaphyla\w*|severe(?:ly)? burn\w*|collapsed|(?:need|call|send) an? ambulance|going into labou?r|(?:swallowed|drank|drunk|ate) (?:some |the |an? |\w+ )?(?:bleach|poison|detergent|batter(?:y|ies)|pills)|carbon monoxide|smell(?:s)? (?:of )?gas|house is on fire|(?:flat|apartment|building|kitchen) is on fire|insulin (?:pump|shock)|oxygen (?:machine|concentrator)[^.!?]{0,30}(?:off|stopped|failed|out|without)|(?:ventilator|life support|dialysis|medical alarm|care alarm|defibrillator)[^.!?]{0,40}(?:off|stopped|without|fail\w*|doesn't|not|no|out))\b|\bherzinfarkt\b|\bkeine luft\b|\bcrise cardiaque\b|\binfarto\b|\bsirdslēkm\w*|\bbewusstlos\b",
    ),
    (
        Violence,
        r"\b(?:i'll|i will|i'm going to|i am going to|im going to|i'm gonna|gonna|going to|i could|i'd like to|i want to|want to|wanna|we will|we'll|i swear i'll|about to|planning to)\s+(?:\w+\s+){0,3}?(?:kill|shoot|stab|hurt|murder|beat(?: up)?|bomb|burn down|blow up|attack|strangle|slit|smash)\s+(?:\w+\s+){0,2}?(?:you|him|her|them|someone|somebody|everyone|everybody|people|your|the (?:agent|manager|staff|driver|office|building|store|shop|place|technician|engineer|neighbou?r|guy|woman|man)|my (?:wife|husband|boss|neighbou?r|ex|landlord|girlfriend|boyfriend|mother|father|kids?|son|daughter)|that (?:guy|man|woman|driver|bastard|technician|engineer)|this (?:guy|man|woman|place|building)|an?other)\b|\b(?:you(?:'re| are| will be)?|he's|she's|they're) (?:all )?(?:going to be |gonna be |so )?(?:a )?dead (?:man|meat|when|if|soon)\b|\byou(?:'ll| will| are going to| 're gonna) (?:regret|die|pay with)\b[^.!?]{0,12}\b(?:die|life|blood|born)?|\b(?:i have|i've got|i got|bring(?:ing)?|with|get(?:ting)?) (?:a|my) (?:gun|knife|weapon|bomb|rifle|machete|shotgun)\b|\bbomb threat\b|\bthere(?:'s| is) a bomb\b|\bi know where (?:you|he|she|they) (?:live|work|park)\w*|\bcome (?:down|over|round) there (?:and|with)\b|\bbreak (?:your|his|her|their) (?:legs?|neck|face|bones|arms?)\b|\b(?:he|she|they|somebody|someone|a man) (?:is|was|has been|keeps) (?:threaten\w*|trying to kill|going to kill|stalking|following) (?:me|us|my)\b|\bthreatened to (?:kill|hurt|shoot|stab|burn)\b|\bich bring(?:e)? (?:dich|euch|sie|ihn) um\b|\bje vais (?:te|vous|le|la) tuer\b|\bvoy a matar\b|\bnogalināšu\b",
    ),
    (
        ChildSafety,
        r"\b(?:hits?|hitting|beats?|beating|hurts?|hurting|abus\w+|molest\w*|touch(?:ed|es|ing)?|starv\w+|burn(?:ed|s|ing)?|lock(?:s|ed|ing)?|shak(?:es|ing)|shook)\s+(?:\w+\s+){0,2}?(?:child|children|kids?|baby|toddler|daughter|son|stepson|stepdaughter|little (?:girl|boy)|grandchild\w*|niece|nephew)\b[^.!?]{0,24}|\bchild (?:abuse|porn\w*|neglect|is being|in danger)\b|\b(?:my|the) (?:child|kid|baby|toddler|daughter|son) (?:is|has been|was|went) (?:missing|taken|kidnapped|abducted|abused|molested|groomed|locked in|left alone)\b|\b(?:kids?|child|children|baby) (?:is|are|were|was|left) (?:home |at home )?alone (?:for|since|all|with no)\b|\b(?:stranger|man|adult|someone|he) (?:online )?(?:is |keeps |has been )?(?:messaging|asking|sending|texting) my (?:\w+ )?(?:child|daughter|son|kid)\b|\bi(?:'m|m| am) (?:only )?(?:[5-9]|1[0-5]|ten|eleven|twelve|thirteen|fourteen|fifteen)(?: years old)? and (?:my|he|she|they|i'm|im|nobody|there)\b",
    ),
    (
        Abuse,
        r"\b(?:he|she|they|husband|wife|partner|boyfriend|girlfriend|ex|father|mother|dad|mum|mom|stepdad|son|carer|brother|roommate|boss)(?:'s| is| was| has| has been| keeps| kept)?\s+(?:(?:just|always|often|been|again|started|regularly)\s+)*(?:hit(?:s|ting)?|beat(?:s|ing)?|hurt(?:s|ing)?|chok(?:e|es|ed|ing)|strangl\w+|punch\w*|slap\w*|kick(?:s|ed|ing)?|rap(?:e|es|ed|ing)|assault\w*|abus(?:e|es|ed|ing)|push(?:es|ed|ing) me|shov(?:es|ed|ing)|burn(?:s|ed|ing))\s+(?:\w+\s+)?(?:me|us|my (?:mum|mom|mother|sister|daughter|son|kids)|on me|at me)?\b|\bdomestic (?:violence|abuse)\b|\babusive (?:relationship|partner|husband|wife|ex|boyfriend|girlfriend|home|father|mother)\b|\b(?:i was|i've been|i have been|i am being|i'm being|being|been|got) (?:abused|raped|assaulted|beaten|molested|sexually|trafficked|held against|threatened at home|locked in)\b|\b(?:won't|doesn't|does not|will not|never|not) (?:let|allow(?:ed)?) me (?:to )?(?:leave|go out|out of the house|see my (?:family|friends|kids|children)|have (?:money|a phone|my own))\b|\b(?:afraid|scared|terrified|frightened) (?:of|for my life|to go home|at home|he|she|that (?:he|she|my (?:husband|partner|ex|boyfriend|wife)))\b[^.!?]{0,32}\b(?:my (?:husband|partner|ex|boyfriend|wife|father|dad|son|stepdad|stepfather)|him|her|life|home|find(?:s)? (?:me|out|us)|hurt|kill|hit|come|see)|\b(?:can't|cannot|must not|mustn't|don't let) (?:let )?(?:him|her|my (?:husband|partner|ex|wife|boyfriend)) (?:know|find out|see|hear)\b[^.!?]{0,40}|\b(?:he|she|my (?:husband|partner|ex|boyfriend|wife)) (?:controls?|tracks?|monitors?|checks?|spies) (?:on )?(?:all |every\w* )?(?:my|me|where i)\b|\b(?:hiding|escap\w*|fled|flee\w*|ran away|got away|running) from (?:my|an?) (?:abus\w+|violent|husband|partner|ex|boyfriend|wife)\b|\b(?:women'?s|domestic) (?:shelter|refuge)\b|\brestraining order\b|\bviolent (?:husband|partner|ex|boyfriend|wife|father|home)\b|\bschlägt mich\b|\bme frappe\b|\bme pega\b|\bmani sit\b",
    ),
];

/// What sounds like danger and is a way of speaking about things.
pub(super) const HARMLESS: &[&str] = &[
    r"\b(?:this|that|it|the|your|my)\b[^.!?]{0,32}\b(?:is|are|was|were)(?: just| really| literally| absolutely)? killing me\b(?: with| by)?",
    r"\bkill(?:ing|ed|s)? (?:the|a|that|this|my|your) (?:process|task|app|program|service|session|connection|server|job|line|signal|battery|time|mood|vibe|deal|contract|feature|speed|performance|switch|wifi|internet|router)\b|\bkill(?:ing)? (?:some )?time\b|\bkill ?switch\b|\bkill two birds\b|\b(?:my|the) (?:husband|wife|boss|mum|mom|dad|mother|father|partner|kids?) (?:will|is going to|would|'ll|is gonna) kill me\b|\b(?:he|she|they)(?:'ll| will| would| is going to) kill me (?:if|when|for|because)\b",
    r"\b(?:phone|battery|laptop|router|line|modem|connection|internet|signal|wifi|tv|box|app|call|car|sim|device|computer|tablet|screen|website|server|it)(?: has| is| just| keeps|'s)?(?: just| always)? (?:died|dies|dying|dead|die)\b|\bdead (?:line|phone|battery|zone|spot|link|pixel|end|slow|easy|on|right|wrong|serious)\b|\b(?:dying|dies?|would die|to die) (?:to|for|of (?:boredom|laughter|laughing|embarrassment|curiosity|shame))\b|\bdie ?hard\b|\bover my dead body\b|\bscared to death\b|\b(?:bored|sick|tired|worried|starved|frozen) to death\b|\bdrop dead\b",
    r"\bshoot (?:me|us|you|him|her|them) (?:an?|the|over|your|that)\b|\bshoot (?:a|an|the) (?:e-?mail|message|video|photo|text)\b|\bshot in the dark\b|\btrouble ?shoot\w*|\bhit (?:me|us) (?:with|up)\b|\bhits? (?:my|the) (?:account|card|credit|bank|bill|limit|data|button|wall|nail)\b|\bit beats me\b|^beats me\b|\bbeat(?:s)? (?:the|that|their|your|any) (?:price|offer|deal|system|record|quote)\b|\bkick(?:s|ed|ing)? (?:me|us|him|her) (?:out|off) (?:of )?(?:the )?(?:app|call|line|chat|account|network|session|website|game|portal|queue|wifi|internet)\w*|\bkick(?:s|ed|ing)? (?:me|us) (?:out|off)\b|\b(?:price|bill|fee|charge|rate|cost|prices|bills|fees|charges|rates|costs|increase|hike|this|it|that) (?:really |just )?hurts?\b|\b(?:hurt|hurts|hurting) (?:my|our|the|your) (?:business|wallet|budget|credit|feelings|score|eyes|sales|rating|reputation)\b",
    r"\b(?:bomb(?:ed|ing|ard\w*)?) (?:me|us|with|my inbox)\b|\bphoto ?bomb\w*|\bbath bombs?\b|\bblow(?:s|ing)? (?:up )?(?:my|the) (?:phone|mind|inbox|budget|fuse)\b|\bblew (?:up )?(?:my|the) (?:phone|mind|inbox|budget|fuse)\b|\bjump(?:ing)? (?:off|from) (?:the|this|a) (?:call|phone|line|plan|contract)\b|\battack(?:s|ed|ing)? (?:the|this|that) (?:problem|issue)\b|\bheart attack (?:when|at|from) (?:i saw|the bill|seeing|this bill|my bill|i opened|looking)\b|\b(?:nearly|almost|about) (?:gave|had|have|having) (?:me )?a (?:heart attack|stroke)\b|\bgave me a heart attack\b|\bcut (?:my|me|us) (?:off|out|down|back|bill|costs?|plan|spending)\b|\bcan't live without (?:my|the|wifi|internet|a|it)\b|\bsuicide (?:squad|prevention month)\b|\bno point (?:in )?(?:calling|paying|waiting|asking|keeping|having|arguing|trying|talking|staying with|continuing with)\b|\bdon't want to (?:live with|go on with|carry on with|keep going with|be here all|be here on hold|be here for)\b[^.!?]{0,32}|\b(?:can't|cannot) (?:go on|carry on|keep going) (?:with|like this with|paying|waiting|without)\b[^.!?]{0,24}|\b(?:can't|cannot) live like this (?:with|without) (?:no |any )?(?:internet|wifi|phone|signal|tv|a|hot)\b|\bend (?:it all|this) (?:with|and) (?:the|a|your|switch|cancel)\b|\b(?:screen|video|file|computer) (?:is )?(?:choking|bleeding)\b|\bpassed out (?:flyers|leaflets)\b|\bcollapsed (?:menu|section|view|list)\b|\bmenu (?:is )?collapsed\b|\bchild (?:lock|account|profile|plan|seat)\b|\block(?:ed|s|ing)? (?:my|the|our) (?:kids?|child|son|daughter|children)(?:'s|s')? (?:out|phone|account|tablet|profile|screen|ipad)\b|\b(?:screen ?time|parental control)\w*",
];

/// Sentences that an embedder compares with.
pub(super) const EXAMPLES: &[(CrisisKind, &str)] = &[
    (SelfHarm, "I don't want to be alive any more."),
    (SelfHarm, "I am thinking about ending my life tonight."),
    (SelfHarm, "Everybody would be better off if I were gone."),
    (
        SelfHarm,
        "I have nothing left and I just want it to be over.",
    ),
    (SelfHarm, "I wish I could fall asleep and never wake up."),
    (
        Violence,
        "I am going to come to your office and hurt somebody.",
    ),
    (Violence, "I have a gun and I will use it on him."),
    (Abuse, "My husband hits me and I am afraid to go home."),
    (
        Abuse,
        "He controls everything I do and I cannot get away from him.",
    ),
    (
        Abuse,
        "I need a phone number that my violent ex cannot find.",
    ),
    (
        Medical,
        "My father is lying on the floor and does not answer.",
    ),
    (
        Medical,
        "I have a terrible pain in my chest and cannot breathe.",
    ),
    (
        ChildSafety,
        "The children next door are being beaten every night.",
    ),
];

/// Sentences that are alike in words and mean no harm.
pub(super) const WAYS_OF_SPEAKING: &[&str] = &[
    "This router is killing me.",
    "My phone died and I need a new one.",
    "I am so tired of waiting on hold.",
    "There is no point in paying for this contract any more.",
    "I want to end my contract tonight.",
    "I have nothing left on my prepaid balance.",
    "I am afraid the bill is wrong.",
    "He handles my account for me.",
    "I cannot get through to anybody.",
    "I will come to your shop and return it.",
    "I would be better off with another provider.",
];
