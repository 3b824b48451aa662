use parking_lot::Mutex;

use super::*;
use crate::store::MemoryStore;

/// Unreadable enough to test with, and nothing more: every byte is moved by the key, and a sum over bytes and context
/// stands for a tag.
#[derive(Debug)]
struct TestCipher {
    keys: Mutex<Vec<(String, u8)>>,
}

impl TestCipher {
    fn with_key(id: &str, key: u8) -> Arc<Self> {
        Arc::new(Self {
            keys: Mutex::new(vec![(id.to_owned(), key)]),
        })
    }

    fn rotate(&self, id: &str, key: u8) {
        self.keys.lock().push((id.to_owned(), key));
    }
}

fn tag(context: &SealContext<'_>, key: u8, plain: &[u8]) -> [u8; 8] {
    let context = context.to_bytes();
    let all = context.iter().chain([&key]).chain(plain);
    let sum = all.fold(7u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
    });
    sum.to_be_bytes()
}

#[async_trait]
impl PayloadCipher for TestCipher {
    async fn seal(&self, context: &SealContext<'_>, plain: &[u8]) -> Result<Sealed> {
        let (key_id, key) = self.keys.lock().last().cloned().unwrap();
        let mut bytes: Vec<u8> = plain.iter().map(|byte| byte ^ key).collect();
        bytes.extend(tag(context, key, plain));
        Ok(Sealed { key_id, bytes })
    }

    async fn open(&self, context: &SealContext<'_>, sealed: &Sealed) -> Result<Vec<u8>> {
        let keys = self.keys.lock();
        let found = keys.iter().find(|(id, _)| *id == sealed.key_id);
        let Some((_, key)) = found else {
            let why = format!("there is no key {}", sealed.key_id);
            return Err(Error::new(ErrorKind::Config, why));
        };
        let (body, end) = sealed.bytes.split_at(sealed.bytes.len() - 8);
        let plain: Vec<u8> = body.iter().map(|byte| byte ^ key).collect();
        if end != tag(context, *key, &plain) {
            return Err(Error::new(ErrorKind::Storage, "the tag does not fit"));
        }
        Ok(plain)
    }
}

fn key() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    }
}

fn secret() -> Record {
    Record::new("utterance", json!({ "text": "my card is 4111" }))
}

#[tokio::test]
async fn conforms_over_a_store_in_memory() {
    let cipher = TestCipher::with_key("k1", 0x5a);
    let store = SealedStore::new(Arc::new(MemoryStore::new()), cipher);
    crate::testing::conversation_store(&store).await;
}

#[tokio::test]
async fn the_store_behind_cannot_read_it() {
    let behind = Arc::new(MemoryStore::new());
    let store = SealedStore::new(behind.clone(), TestCipher::with_key("k1", 0x5a));
    let record = secret();
    store
        .append(&key(), 0, std::slice::from_ref(&record))
        .await
        .unwrap();
    let snapshot = Snapshot {
        version: 1,
        form: 1,
        payload: json!("my card is 4111"),
    };
    store.keep_snapshot(&key(), &snapshot).await.unwrap();
    let raw = behind.load(&key(), 0).await.unwrap();
    let kept = behind.snapshot(&key()).await.unwrap().unwrap();
    for text in [raw[0].payload.to_string(), kept.payload.to_string()] {
        assert!(!text.contains("4111") && !text.contains("card"), "{text}");
        assert!(text.contains("k1"), "{text}");
    }
    assert_eq!((raw[0].id, raw[0].at), (record.id, record.at));
    assert_eq!(store.load(&key(), 0).await.unwrap(), [record]);
    assert_eq!(store.snapshot(&key()).await.unwrap(), Some(snapshot));
    assert!(!format!("{store:?}").contains("4111"));
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_one_are_told() {
    let behind = Arc::new(MemoryStore::new());
    let store = SealedStore::new(behind.clone(), TestCipher::with_key("k1", 1));
    store.append(&key(), 0, &[secret()]).await.unwrap();
    let wrong = SealedStore::new(behind.clone(), TestCipher::with_key("k1", 2));
    let error = wrong.load(&key(), 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    let unknown = SealedStore::new(behind, TestCipher::with_key("k2", 1));
    let error = unknown.load(&key(), 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("utterance of c1"), "{error}");
}

#[tokio::test]
async fn a_key_may_change_and_old_payloads_still_open() {
    let cipher = TestCipher::with_key("k1", 1);
    let store = SealedStore::new(Arc::new(MemoryStore::new()), cipher.clone());
    let records = [secret(), secret()];
    store.append(&key(), 0, &records[..1]).await.unwrap();
    cipher.rotate("k2", 9);
    store.append(&key(), 1, &records[1..]).await.unwrap();
    assert_eq!(store.load(&key(), 0).await.unwrap(), records);
}

#[tokio::test]
async fn a_payload_opens_in_its_place_only() {
    let behind = Arc::new(MemoryStore::new());
    let store = SealedStore::new(behind.clone(), TestCipher::with_key("k1", 1));
    store.append(&key(), 0, &[secret()]).await.unwrap();
    let raw = behind.load(&key(), 0).await.unwrap();
    let elsewhere = StreamKey {
        conversation: "c2".into(),
        ..key()
    };
    behind.append(&elsewhere, 0, &raw).await.unwrap();
    let error = store.load(&elsewhere, 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
}

#[tokio::test]
async fn plain_payloads_are_read_only_where_they_are_expected() {
    let behind = Arc::new(MemoryStore::new());
    let plain = secret();
    behind
        .append(&key(), 0, std::slice::from_ref(&plain))
        .await
        .unwrap();
    let store = SealedStore::new(behind.clone(), TestCipher::with_key("k1", 1));
    let error = store.load(&key(), 0).await.unwrap_err();
    assert!(error.to_string().contains("not sealed"), "{error}");
    let lenient = store.clone().with_plain_accepted();
    assert_eq!(lenient.load(&key(), 0).await.unwrap(), [plain]);
    // A host's own payload of the same form is sealed like any other.
    let odd = Record::new("x", json!({ MARK: "mine" }));
    lenient
        .append(&key(), 1, std::slice::from_ref(&odd))
        .await
        .unwrap();
    assert_eq!(lenient.load(&key(), 1).await.unwrap(), [odd]);
}
