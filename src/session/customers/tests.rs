use serde_json::json;

use super::*;
use crate::conversation::{Channel, Conversation, Role, SectionKind, Summary, SummarySection};
use crate::store::{MemoryStore, Record, StreamKey};

fn keys(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(kind, value): &(&str, &str)| ((*kind).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

struct Desk {
    store: Arc<MemoryStore>,
    directory: CustomerDirectory,
    tenant: TenantId,
}

impl Desk {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let rules = IdentityRules::standard().unwrap();
        Self {
            directory: CustomerDirectory::new(store.clone(), rules),
            store,
            tenant: "acme".into(),
        }
    }

    async fn who(&self, pairs: &[(&str, &str)]) -> Identified {
        let keys = keys(pairs);
        self.directory.identify(&self.tenant, &keys).await.unwrap()
    }

    fn stream(&self, id: &str) -> StreamKey {
        StreamKey {
            tenant: self.tenant.clone(),
            conversation: id.into(),
        }
    }

    async fn write(&self, id: &str, payload: serde_json::Value) {
        let record = [Record::new("x", payload)];
        self.store
            .append(&self.stream(id), 0, &record)
            .await
            .unwrap();
    }

    async fn ids(&self) -> Vec<String> {
        let all = self.store.list(&self.tenant).await.unwrap();
        all.iter().map(|id| id.as_str().to_owned()).collect()
    }

    /// Everything in the store, to search for what must not be in it.
    async fn dump(&self) -> String {
        let mut all = String::new();
        for id in self.ids().await {
            all.push_str(&id);
            for record in self.store.load(&self.stream(&id), 0).await.unwrap() {
                all.push_str(&record.payload.to_string());
            }
        }
        all
    }
}

fn digest(at: &str, happened: &str) -> ContactDigest {
    ContactDigest {
        at: at.parse().unwrap(),
        channel: Channel::Chat,
        happened: happened.into(),
        promised: Vec::new(),
        felt: None,
        wrap_up: None,
    }
}

#[tokio::test]
async fn a_customer_is_known_again_by_any_of_their_keys() {
    let desk = Desk::new();
    let first = desk
        .who(&[("phone", "020 7946 0000"), ("email", "Zoe@example.com")])
        .await;
    assert!(first.is_new);
    let by_mail = desk.who(&[("email", "zoe@EXAMPLE.com ")]).await;
    assert_eq!(by_mail.customer, first.customer);
    assert!(!by_mail.is_new);
    assert!(by_mail.confidence < first.confidence);
    let by_phone = desk.who(&[("phone", "+44 20 7946 0000")]).await;
    assert_eq!(by_phone.customer, first.customer);
    assert!(by_phone.confidence < by_mail.confidence);
    let other = desk.who(&[("phone", "+44 20 7946 0001")]).await;
    assert!(other.is_new && other.customer != first.customer);
    let elsewhere = desk
        .directory
        .identify(&"other".into(), &keys(&[("email", "zoe@example.com")]))
        .await
        .unwrap();
    assert!(elsewhere.is_new, "a tenant knows its own customers only");
    let error = desk
        .directory
        .identify(&desk.tenant, &keys(&[("phone", "withheld")]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn keys_given_together_make_two_customers_one() {
    let desk = Desk::new();
    let by_phone = desk.who(&[("phone", "+441")]).await.customer;
    let by_mail = desk.who(&[("email", "a@b.c")]).await.customer;
    let by_device = desk.who(&[("device", "d-1")]).await.customer;
    for (id, conversation) in [(&by_phone, "call"), (&by_mail, "mail")] {
        let conversation = conversation.into();
        desk.directory
            .link(&desk.tenant, id, &conversation)
            .await
            .unwrap();
    }
    let both = desk.who(&[("phone", "+441"), ("email", "a@b.c")]).await;
    assert_eq!(both.customer, by_phone, "the oldest stays");
    let customer = desk
        .directory
        .customer(&desk.tenant, &by_mail)
        .await
        .unwrap();
    assert_eq!(customer.id, by_phone);
    assert_eq!(customer.keys.len(), 2);
    let contacts = desk
        .directory
        .contacts(&desk.tenant, &by_mail, 10)
        .await
        .unwrap();
    let mut ids: Vec<&str> = contacts.iter().map(|c| c.conversation.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["call", "mail"]);
    assert_eq!(desk.who(&[("email", "a@b.c")]).await.customer, by_phone);
    // A device is not enough: a family may share it.
    let shared = desk.who(&[("device", "d-1"), ("email", "a@b.c")]).await;
    assert_eq!(shared.customer, by_phone);
    assert!(shared.confidence < both.confidence);
    let alone = desk
        .directory
        .customer(&desk.tenant, &by_device)
        .await
        .unwrap();
    assert_eq!(alone.id, by_device);
}

#[tokio::test]
async fn two_customer_ids_are_two_customers_and_a_shared_phone_is_no_proof() {
    let desk = Desk::new();
    let anna = desk.who(&[("customer_id", "1"), ("phone", "+441")]).await;
    let alone = desk.who(&[("phone", "+441")]).await;
    assert_eq!(alone.customer, anna.customer);
    let ben = desk.who(&[("customer_id", "2"), ("phone", "+441")]).await;
    assert_ne!(ben.customer, anna.customer);
    assert!(ben.confidence < anna.confidence, "{ben:?}");
    let either = desk.who(&[("phone", "+441")]).await;
    assert_eq!(
        either.customer, ben.customer,
        "the one it was given for last"
    );
    assert!(either.confidence < alone.confidence);
    let anna_again = desk.who(&[("customer_id", "1"), ("phone", "+441")]).await;
    assert_eq!(anna_again.customer, anna.customer);
    assert!(anna_again.confidence < anna.confidence);
    assert_eq!(
        desk.who(&[("customer_id", "2")]).await.customer,
        ben.customer
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_identified_many_times_at_once_is_one_customer() {
    let desk = Arc::new(Desk::new());
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let desk = desk.clone();
            tokio::spawn(async move {
                let mail = format!("{}@b.c", n % 2);
                desk.who(&[("customer_id", "7"), ("email", &mail)])
                    .await
                    .customer
            })
        })
        .collect();
    let mut found = BTreeSet::new();
    for task in tasks {
        found.insert(task.await.unwrap());
    }
    let again = desk.who(&[("customer_id", "7")]).await.customer;
    let customer = desk.directory.customer(&desk.tenant, &again).await.unwrap();
    assert!(
        found
            .iter()
            .all(|id| *id == customer.id || customer.merged.contains(id))
    );
    assert_eq!(customer.keys.len(), 3, "{customer:?}");
}

#[tokio::test]
async fn what_is_remembered_comes_back_as_history_within_bounds() {
    let desk = Desk::new();
    let zoe = desk.who(&[("customer_id", "1")]).await.customer;
    let mut call = Conversation::new("acme", Channel::Voice);
    call.started_at = "2026-05-04T10:00:00Z".parse().unwrap();
    call.say(Role::EndUser, "My router\nis broken.");
    call.say(
        Role::HumanAgent,
        "Sorry. We will send a new router on Friday.",
    );
    let section = |kind, text: &str| SummarySection {
        name: None,
        kind,
        text: text.into(),
        evidence: Vec::new(),
    };
    let note = Summary {
        sections: vec![
            section(SectionKind::Situation, "Router broken."),
            section(SectionKind::Resolution, "A new one is sent."),
            section(SectionKind::CustomerSatisfaction, "Annoyed at first."),
        ],
        ..Summary::default()
    };
    let told = ContactDigest::new(&call, Some(&note));
    assert_eq!(told.promised, ["We will send a new router on Friday."]);
    assert_eq!(
        ContactDigest::new(&call, None).happened,
        "\u{201c}My router is broken.\u{201d}"
    );
    let remember = |id: &str, digest: ContactDigest| {
        let (directory, tenant, zoe) = (desk.directory.clone(), desk.tenant.clone(), zoe.clone());
        let id = ConversationId::from(id);
        async move {
            directory
                .remember(&tenant, &zoe, &id, &digest)
                .await
                .unwrap()
        }
    };
    remember("c1", digest("2026-05-04T10:00:00Z", "first thoughts")).await;
    remember("c1", told.clone()).await;
    remember("c1", told).await;
    let event = JourneyEvent::new(
        "order_placed",
        "A router was ordered.",
        "2026-05-05T00:00:00Z".parse().unwrap(),
    );
    for _ in 0..2 {
        desk.directory
            .journey_events(&desk.tenant, &zoe, std::slice::from_ref(&event))
            .await
            .unwrap();
    }
    assert_eq!(
        desk.directory.journey(&desk.tenant, &zoe).await.unwrap(),
        [event]
    );
    remember("now", digest("2026-06-01T10:00:00Z", "this one")).await;
    let profile = desk
        .directory
        .profile(&desk.tenant, &zoe, Some(&"now".into()))
        .await
        .unwrap();
    assert_eq!(profile.id, zoe.as_str());
    assert_eq!(
        profile.history,
        [
            "2026-05-04 voice: Router broken. A new one is sent. Promised: We will send a new router on Friday. Felt: Annoyed at first.",
            "2026-05-05 order_placed: A router was ordered.",
        ]
    );
    for n in 0..30 {
        let at = format!("2026-07-{:02}T10:00:00Z", n + 1);
        remember(&format!("x{n}"), digest(&at, &"é ".repeat(2000))).await;
    }
    let profile = desk
        .directory
        .profile(&desk.tenant, &zoe, None)
        .await
        .unwrap();
    assert_eq!(profile.history.len(), MOST_LINES);
    assert!(profile.history[11].starts_with("2026-07-30"));
    assert!(
        profile
            .history
            .iter()
            .all(|line| line.chars().count() <= LONGEST_LINE)
    );
    let contacts = desk
        .directory
        .contacts(&desk.tenant, &zoe, 5)
        .await
        .unwrap();
    assert_eq!(contacts.len(), 5);
}

#[tokio::test]
async fn nothing_is_left_of_whoever_is_erased() {
    let desk = Desk::new();
    let zoe = desk
        .who(&[("phone", "+441"), ("customer_id", "zoe-id")])
        .await
        .customer;
    let mail = desk.who(&[("email", "zoe@b.c")]).await.customer;
    let ben = desk
        .who(&[("phone", "+441"), ("customer_id", "ben-id")])
        .await
        .customer;
    let event = JourneyEvent::new("moved", "zoe moved", Timestamp::now());
    for (id, conversation) in [(&zoe, "c1"), (&mail, "c/2"), (&ben, "c3")] {
        desk.write(
            conversation,
            json!({ "said": format!("by {conversation}") }),
        )
        .await;
        let what = format!("about {conversation}");
        desk.directory
            .remember(
                &desk.tenant,
                id,
                &conversation.into(),
                &digest("2026-05-04T10:00:00Z", &what),
            )
            .await
            .unwrap();
        desk.directory
            .journey_events(&desk.tenant, id, std::slice::from_ref(&event))
            .await
            .unwrap();
    }
    desk.write(
        "~strategy/c1/refund",
        json!({ "conversation": "c1", "said": "by c1" }),
    )
    .await;
    // The conversation "c1/x" is another one.
    desk.write("~strategy/c1/x/refund", json!({ "conversation": "c1/x" }))
        .await;
    let merged = desk
        .who(&[("email", "zoe@b.c"), ("customer_id", "zoe-id")])
        .await
        .customer;
    assert_eq!(merged, zoe);

    let receipt = desk
        .directory
        .erase_subject(&desk.tenant, &mail)
        .await
        .unwrap();
    let left = desk.dump().await;
    for gone in [
        "by c1",
        "by c/2",
        "about c1",
        "about c/2",
        "zoe-id",
        "zoe@b.c",
    ] {
        assert!(!left.contains(gone), "{gone} is still there");
    }
    for kept in ["by c3", "about c3", "ben-id", "c1/x"] {
        assert!(left.contains(kept), "{kept} is gone");
    }
    // Two conversations, a strategy, two contacts, two journeys, two keys of their own, two entries.
    assert_eq!(receipt.streams, 11);
    let told = serde_json::to_string(&receipt).unwrap();
    assert!(
        !told.contains("zoe") && !told.contains(zoe.as_str()),
        "{told}"
    );
    let again = desk
        .directory
        .erase_subject(&desk.tenant, &mail)
        .await
        .unwrap();
    assert_eq!((again.streams, again.records), (0, 0));
    // The phone they shared is the other one's alone.
    let by_phone = desk.who(&[("phone", "+441")]).await;
    assert_eq!(by_phone.customer, ben);
    assert!(desk.who(&[("customer_id", "zoe-id")]).await.is_new);
    let error = desk
        .directory
        .customer(&desk.tenant, &mail)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_past_its_retention_goes_and_the_rest_stays() {
    let desk = Desk::new();
    let zoe = desk.who(&[("customer_id", "1")]).await.customer;
    for (id, at) in [
        ("old", "2020-01-01T00:00:00Z"),
        ("new", "2026-01-01T00:00:00Z"),
    ] {
        let mut record = Record::new("x", json!(1));
        record.at = at.parse().unwrap();
        desk.store
            .append(&desk.stream(id), 0, &[record])
            .await
            .unwrap();
        desk.directory
            .remember(&desk.tenant, &zoe, &id.into(), &digest(at, id))
            .await
            .unwrap();
    }
    let before: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let receipt = desk.directory.retire(&desk.tenant, before).await.unwrap();
    assert_eq!(receipt.streams, 2);
    let contacts = desk
        .directory
        .contacts(&desk.tenant, &zoe, 9)
        .await
        .unwrap();
    assert_eq!(contacts.len(), 1);
    assert_eq!(desk.who(&[("customer_id", "1")]).await.customer, zoe);
    desk.write("~learned", json!({ "text": "when?" })).await;
    let later = Timestamp::now()
        .checked_add(jiff::SignedDuration::from_hours(1))
        .unwrap();
    desk.directory.retire(&desk.tenant, later).await.unwrap();
    assert_eq!(desk.ids().await, ["~learned"]);
}

#[tokio::test]
async fn a_conversation_alone_can_be_erased() {
    let desk = Desk::new();
    let zoe = desk.who(&[("customer_id", "1")]).await.customer;
    desk.write("c1", json!("said")).await;
    desk.directory
        .remember(
            &desk.tenant,
            &zoe,
            &"c1".into(),
            &digest("2026-01-01T00:00:00Z", "said"),
        )
        .await
        .unwrap();
    let receipt = desk
        .directory
        .erase_conversation(&desk.tenant, &"c1".into(), Some(&zoe))
        .await
        .unwrap();
    assert_eq!(receipt.streams, 2);
    assert!(!desk.dump().await.contains("said"));
    assert_eq!(desk.who(&[("customer_id", "1")]).await.customer, zoe);
}

#[tokio::test]
async fn asking_for_somebody_makes_nobody_known_and_merges_nobody() {
    let desk = Desk::new();
    let find = async |pairs: &[(&str, &str)]| {
        let found = desk.directory.find(&desk.tenant, &keys(pairs)).await;
        found.unwrap()
    };
    assert!(find(&[("customer_id", "1")]).await.is_empty());
    assert!(desk.ids().await.is_empty());
    let by_phone = desk.who(&[("phone", "+441")]).await.customer;
    let by_mail = desk.who(&[("email", "a@b.c")]).await.customer;
    let before = desk.dump().await;
    let both = [("phone", "+441"), ("email", "A@b.c")];
    assert_eq!(find(&both).await, [by_phone.clone(), by_mail]);
    assert_eq!(desk.dump().await, before);
    // Those are taken for one when somebody gives both.
    assert_eq!(desk.who(&both).await.customer, by_phone);
}

#[tokio::test]
async fn all_contacts_are_found_however_many_there_are() {
    let desk = Desk::new();
    let zoe = desk.who(&[("customer_id", "1")]).await.customer;
    for n in 0..1003 {
        let conversation = format!("c{n}").as_str().into();
        let linked = desk.directory.link(&desk.tenant, &zoe, &conversation).await;
        linked.unwrap();
    }
    for (limit, found) in [(usize::MAX, 1003), (1001, 1001), (3, 3)] {
        let contacts = desk.directory.contacts(&desk.tenant, &zoe, limit).await;
        assert_eq!(contacts.unwrap().len(), found);
    }
}
