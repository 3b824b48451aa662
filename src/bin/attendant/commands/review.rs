//! An evaluation form, filled in for one conversation.

use attendant::Result;
use attendant::review::{
    FilledReview, ListeningReport, ReviewAnswer, ReviewForm, ReviewValue, load_review_form,
};
use serde_json::json;

use super::file::{conversation, is_transcript};
use crate::args::ReviewArgs;
use crate::screen::Screen;
use crate::setup::ready;

pub(crate) async fn run(args: ReviewArgs, screen: &Screen) -> Result<()> {
    let forms = match &args.form {
        Some(path) => vec![load_review_form(path)?],
        None => vec![ReviewForm::service()?, ReviewForm::reflective_listening()?],
    };
    let ready = ready(&args.setup, None, !is_transcript(&args.file), screen).await?;
    let conversation = conversation(&args.file, &ready.assistant, &ready.tenant, screen).await?;
    for form in &forms {
        let busy = screen.busy("reviewing");
        let review = ready.assistant.review(&conversation, form, None).await;
        busy.finish_and_clear();
        let review = review?;
        if args.json {
            screen.json(&json!({"result": review.score(), "review": review}))?;
        } else {
            tell(form, &review, screen)?;
        }
    }
    Ok(())
}

fn tell(form: &ReviewForm, review: &FilledReview, screen: &Screen) -> Result<()> {
    let result = review.score();
    let score = match result.score {
        Some(score) => format!("{:.0} of 100", score * 100.0),
        None => "nothing was seen".to_owned(),
    };
    let covered = result.covered * 100.0;
    screen.line(&format!("{}: {score} ({covered:.0}% seen)", form.title))?;
    for answer in &review.answers {
        let mark = if result.failed.contains(&answer.question) {
            "FAILED "
        } else {
            ""
        };
        screen.line(&format!("  {mark}{}  {}", answer.text, in_words(answer)))?;
    }
    listening(&review.listening, screen)
}

fn in_words(answer: &ReviewAnswer) -> String {
    let said = match &answer.value {
        ReviewValue::Yes => "yes".to_owned(),
        ReviewValue::No => "no".to_owned(),
        ReviewValue::Rating(rating) => format!("{rating} of 5"),
        ReviewValue::NotSeen(why) => return format!("not seen ({why})"),
    };
    let proof: Vec<String> = answer.evidence.iter().map(ToString::to_string).collect();
    let sure = answer.confidence * 100.0;
    format!("{said} ({sure:.0}%) [{}]", proof.join(", "))
}

fn listening(report: &ListeningReport, screen: &Screen) -> Result<()> {
    screen.line(&format!(
        "  listening: {} simple and {} complex reflections, {} open and {} closed questions, {} affirmations",
        report.simple_reflections,
        report.complex_reflections,
        report.open_questions,
        report.closed_questions,
        report.affirmations
    ))
}
