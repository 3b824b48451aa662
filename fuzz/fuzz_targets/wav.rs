//! A WAV file of whatever comes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let samples = attendant::speech::read_wav(data);
    assert!(samples.is_none_or(|samples| samples <= data.len()));
});
