//! What tests with real models share.
#![allow(dead_code, clippy::panic)]

use std::path::{Path, PathBuf};

use attendant::models::{Cache, ModelFiles, ModelRole};

/// The files of a model, or a failure that says how to get it.
pub(crate) fn model(id: &str, role: ModelRole) -> ModelFiles {
    match Cache::from_env().and_then(|cache| cache.resolve(id, role)) {
        Ok(files) => files,
        Err(error) => panic!("{error} (`make models` fetches all of them)"),
    }
}

/// A path inside the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Text in many writings, with what tokenizers stumble over: accents, emoji of several code points, blanks and line
/// ends, digits, code, contractions, bytes of rare characters. No accents in two code points: Qwen's own tokenizer
/// composes them (NFC), llama.cpp does not.
pub(crate) const TEXTS: [&str; 18] = [
    "Hello, I was charged twice! When is the payment refunded?",
    "I'm sure they'll say it's ok, we've paid £42.50 (or 1,234.56) on 03/11/2026.",
    "Guten Tag, ich hätte gern eine Rückerstattung für die Straße Nr. 12.",
    "Bonjour, j’ai été débité deux fois ; où est mon café ?",
    "¿Cuándo recibiré mi dinero? ¡Mañana!",
    "Здравствуйте, у меня не работает роутер.",
    "您好，我被收了两次钱，什么时候退款？",
    "こんにちは、インターネットがつながりません。",
    "안녕하세요, 환불은 언제 되나요?",
    "مرحبا، متى أسترد أموالي؟",
    "שלום, מתי אקבל את הכסף?",
    "नमस्ते, मेरा पैसा कब वापस आएगा?",
    "สวัสดี อินเทอร์เน็ตใช้งานไม่ได้",
    "Labdien, kad pienāks autobuss uz Rīgu?",
    "caf\u{e9} 👩\u{200d}🔧 🇱🇻 👍🏽",
    "  two  blanks\n\n\tand a tab \r\n end ",
    "let x = vec![1, 22, 333, 4444]; // fn main() {}",
    "\u{1F9FF}\u{10348}ꙮ\u{FEFF}",
];
