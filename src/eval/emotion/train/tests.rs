use super::*;
use crate::conversation::Emotion;
use crate::eval::emotion::fit;

#[test]
fn our_sentences_have_known_emotions() {
    let rows = phrases::rows().unwrap();
    assert!(rows.len() > 100);
    for emotion in Emotion::ALL {
        let used = rows.iter().any(|row| row.labels[emotion as usize]);
        assert!(used, "{emotion:?}");
    }
}

#[test]
fn the_rate_rises_and_falls() {
    let paces: Vec<f32> = (0..100).map(|step| pace(step, 100)).collect();
    assert!(paces[0] < 0.2 && paces[99] == 0.0);
    assert!(paces.iter().all(|p| (0.0..=1.0).contains(p)));
    assert!(paces.iter().any(|p| *p > 0.98));
}

#[test]
fn calibration_and_thresholds_find_their_way() {
    // Logits twice as large as they should be, and moved.
    let mut chance = Chance::new(3);
    let column: Column = (0..4000)
        .map(|_| {
            let x = chance.share() * 8.0 - 4.0;
            (2.0 * x + 1.0, chance.share() < sigmoid(x))
        })
        .collect();
    let (scale, shift) = calibrate(&column);
    assert!((scale - 0.5).abs() < 0.05, "{scale}");
    assert!((shift + 0.5).abs() < 0.12, "{shift}");
    let sure: Column = (0..100).map(|i| (i as f32 / 100.0, i >= 70)).collect();
    let found = fit::thresholds(std::slice::from_ref(&sure));
    assert!((found[0] - 0.695).abs() < 0.05, "{found:?}");
    assert!((average_precision(sure) - 1.0).abs() < 1e-9);
    assert_eq!(fit::thresholds(&[vec![(0.5, false)]]).len(), 1);
    assert_eq!(fit::f1(0, 0, 0), 0.0);
}

#[test]
fn the_division_is_the_same_for_the_same_seed() {
    let rows: Vec<Row> = (0..50).map(|i| Row::new(format!("{i}"), &[])).collect();
    let options = EmotionTraining::default();
    let (train, held) = divide(rows.clone(), &options);
    assert_eq!((train.len(), held.len()), (45, 5));
    assert_eq!(divide(rows.clone(), &options).1, held);
    let other = EmotionTraining { seed: 1, ..options };
    assert_ne!(divide(rows, &other).1, held);
}
