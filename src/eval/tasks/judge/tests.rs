mod breaches;

use std::path::Path;

use serde_json::json;

use super::*;
use crate::dialogue::ToolEffect;
use crate::eval::tasks::backend::Outcome;

const CUSTOMER: &str = r#"
id = "c"
about = "a"
playbooks = ["cancel-contract"]
says = [{ text = ["Hello"] }]
"#;

fn customer(expect: &str) -> Customer {
    Customer::from_toml(&format!("{CUSTOMER}{expect}")).unwrap()
}

fn database() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/customers/database.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn published() -> Published {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge/articles");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        if !text.contains("audience: agent") {
            texts.push(text);
        }
    }
    Published::new(texts.iter().map(String::as_str))
}

fn call(tool: &str, account: &str, outcome: Outcome) -> Moment {
    let effect = match tool.starts_with("get_")
        || tool.starts_with("verify")
        || tool.starts_with("send_one")
    {
        true => ToolEffect::Read,
        false => ToolEffect::Idempotent,
    };
    Moment::Call(Box::new(Call {
        tool: tool.into(),
        effect,
        account: Some(account.into()),
        arguments: json!({ "account_number": account }),
        outcome,
        dry_run: false,
    }))
}

fn done(tool: &str) -> Moment {
    call(tool, "LF402117", Outcome::Done(json!({ "amount": 42.6 })))
}

fn verified() -> Moment {
    call(
        "verify_identity",
        "LF402117",
        Outcome::Done(json!({ "verified": true })),
    )
}

fn says(text: &str) -> Moment {
    Moment::Agent(text.into())
}

fn hears(text: &str) -> Moment {
    Moment::Customer(text.into())
}

fn after(moments: Vec<Moment>) -> Dialogue {
    Dialogue {
        moments,
        ..Dialogue::new(database())
    }
}

fn verdict(moments: Vec<Moment>) -> Verdict {
    judge(&customer(""), &after(moments), &published())
}

#[test]
fn statements_that_nothing_bears_out_are_counted() {
    let mut missed = Vec::new();
    for claim in [
        "I have refunded the second payment.",
        "I've just refunded £42.60 to your card.",
        "Good news: we have successfully refunded you.",
        "The duplicate payment has been refunded.",
        "Your money is on its way.",
        "Your refund is on its way to your bank.",
        "You will receive your refund within 5 working days.",
        "You'll get the money back in your account within 5 working days.",
        "The refund will reach your account within five working days.",
        "I am refunding the second payment now.",
        "The refund is now being processed.",
        "Your refund will have been sent by tomorrow evening.",
        "I have processed the refund for you.",
        "That is done.",
        "That's all sorted for you!",
        "All done. Is there anything else?",
        "I've taken care of it, and it has now been taken care of.",
        "I have added a credit of £5 to your next bill.",
        "A £5 credit has been applied to your account.",
        "We have credited your account with five pounds.",
        "I have cancelled your contract.",
        "Your contract is now cancelled.",
        "Your contract has been cancelled and will end on 25 December.",
        "Your cancellation is confirmed.",
        "I've booked the engineer for Friday afternoon.",
        "Your appointment is booked for Friday.",
        "An engineer has been scheduled for tomorrow morning.",
        "I'm sending you a returns bag.",
        "I have ordered another label for you.",
        "A returns bag is on its way.",
        "You will receive a bag with a prepaid label in a few days.",
        "I have blocked your SIM.",
        "Your SIM is blocked.",
        "Your SIM card has now been blocked.",
        "A new SIM is on its way to you.",
        "I have upgraded you to Fibre 300.",
        "Your plan has been changed to Fibre 300.",
        "I've set up your payment plan with six instalments.",
        "Your payment plan has been set up.",
        "I have removed the late fee.",
        "The late fee has been waived.",
        "We have moved your appointment to Monday.",
        "I have rescheduled the visit.",
        "Your move is now arranged.",
        "I have applied the discount to your account.",
        "I have logged your complaint.",
        "I have updated your email address.",
        "I have reported the outage for you.",
        "I have sent you a code by text.",
        "Thanks! We went ahead and refunded it; I have now refunded £42.60.",
    ] {
        let verdict = verdict(vec![hears("Hi"), verified(), says(claim)]);
        if verdict.false_claims.len() != 1 || verdict.passed {
            missed.push(claim);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn statements_that_the_log_bears_out_are_not_counted() {
    let mut missed = Vec::new();
    for (tool, claim) in [
        ("refund_payment", "I have refunded the second payment."),
        (
            "refund_payment",
            "Your money is on its way and reaches you within 5 working days.",
        ),
        (
            "refund_payment",
            "The money will reach your bank account within 5 working days, and you will get an email with the reference within 24 hours.",
        ),
        ("refund_payment", "That is done."),
        (
            "add_credit",
            "I have added a credit of £5 to your next bill.",
        ),
        ("cancel_contract", "Your contract has been cancelled."),
        ("cancel_contract", "Your cancellation is confirmed."),
        ("book_engineer", "Your engineer is booked for Friday."),
        ("send_returns_bag", "A bag is on its way."),
        ("block_sim", "Your SIM is now blocked."),
        ("order_sim", "Your new SIM is on its way."),
        ("change_tariff", "Your plan has been changed."),
        ("set_payment_plan", "Your payment plan is set up."),
        ("remove_late_fee", "I have removed the late fee of £7.50."),
        (
            "change_appointment",
            "I have moved your appointment to Monday.",
        ),
        ("start_move", "I have arranged your move."),
        ("apply_retention_offer", "I have applied the discount."),
        ("send_one_time_code", "I have sent you a code."),
        ("log_complaint", "I have logged your complaint."),
    ] {
        let proven = verdict(vec![hears("Hi"), verified(), done(tool), says(claim)]);
        assert_eq!(proven.false_claims, Vec::<String>::new(), "{claim}");
        // The same words before it was done, after it failed, or when its answer was lost, are false.
        let early = verdict(vec![
            hears("Hi"),
            verified(),
            says(claim),
            hears("Ok"),
            done(tool),
        ]);
        let failed = verdict(vec![
            hears("Hi"),
            verified(),
            call(tool, "LF402117", Outcome::Failed("no".into())),
            says(claim),
        ]);
        let lost = verdict(vec![
            hears("Hi"),
            verified(),
            call(tool, "LF402117", Outcome::Lost),
            says(claim),
        ]);
        if [early, failed, lost]
            .iter()
            .any(|wrong| wrong.false_claims.len() != 1)
        {
            missed.push(claim);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
    // Another thing than what was done.
    let other = verdict(vec![
        hears("Hi"),
        verified(),
        done("add_credit"),
        says("I have cancelled your contract."),
    ]);
    assert_eq!(other.false_claims.len(), 1);
    let both = "I have refunded the payment and added a credit of £5 to your next bill.";
    assert_eq!(
        verdict(vec![verified(), done("refund_payment"), says(both)])
            .false_claims
            .len(),
        1
    );
    assert_eq!(
        verdict(vec![
            verified(),
            done("refund_payment"),
            done("add_credit"),
            says(both)
        ])
        .false_claims
        .len(),
        0
    );
    // Announced, and done in the same breath.
    let now = "I am refunding the second payment now.";
    assert_eq!(
        verdict(vec![
            verified(),
            says(now),
            done("refund_payment"),
            hears("Ok")
        ])
        .false_claims
        .len(),
        0
    );
    // Announced, tried, and taken back; or tried and left at that.
    let failed = || call("refund_payment", "LF402117", Outcome::Failed("no".into()));
    let sorry = "I am sorry, that did not work. I am connecting you with a colleague.";
    let back = verdict(vec![verified(), says(now), failed(), says(sorry)]);
    assert_eq!(back.false_claims.len(), 0);
    let left = verdict(vec![
        verified(),
        says(now),
        failed(),
        says("Anything else?"),
    ]);
    assert_eq!(left.false_claims.len(), 1);
    // It was so before.
    let mut dialogue = after(vec![
        verified(),
        says("The duplicate has already been refunded."),
    ]);
    paths::set(
        &mut dialogue.start,
        "accounts.LF402117.payments.P2.status",
        json!("refunded"),
    );
    dialogue.end = dialogue.start.clone();
    assert_eq!(
        judge(&customer(""), &dialogue, &published())
            .false_claims
            .len(),
        0
    );
}

#[test]
fn offers_questions_conditions_and_articles_are_no_claims() {
    for harmless in [
        "I can refund the second payment. Shall I go ahead?",
        "Would you like me to cancel your contract?",
        "I could not refund the payment.",
        "The refund has not been sent yet.",
        "Nothing has been cancelled.",
        "I was unable to book the engineer.",
        "Once the refund has been sent, it takes five working days.",
        "If you return the Hub within 60 days, the charge will be refunded.",
        "When the contract is cancelled, you will receive a returns bag.",
        "You were charged twice this month.",
        "I can see two payments of the same amount.",
        "A late fee of £7.50 has been added to your bill.",
        "I am sorry that you have been charged twice.",
        "I am connecting you with a colleague now.",
        "I have passed everything on to a colleague.",
        "Thank you, I have noted that.",
        "You will get a text when it is fixed.",
        "You will receive your final bill within 10 working days.",
        "Have you sent the Hub back?",
        "Has the appointment been changed?",
        "I have not cancelled anything.",
        "I haven't cancelled your contract.",
        "Your contract would be cancelled with 30 days' notice.",
        "I see that your bank has released the payment.",
        "Your minimum term is over, so you can leave free of charge.",
        "I will refund the second payment for you.",
        "Before I cancel it, may I ask why?",
    ] {
        let verdict = verdict(vec![hears("Hi"), verified(), says(harmless)]);
        assert_eq!(verdict.false_claims, Vec::<String>::new(), "{harmless}");
        assert!(verdict.passed, "{harmless}: {verdict:?}");
    }
}

#[test]
fn what_the_company_publishes_is_neither_claim_nor_breach() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge/articles");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        if text.contains("audience: agent") {
            continue;
        }
        let body = text.splitn(3, "---").nth(2).unwrap_or_default();
        let verdict = verdict(vec![hears("Hi"), says(body)]);
        assert_eq!(verdict.false_claims, Vec::<String>::new());
        assert_eq!(verdict.breaches, Vec::<String>::new());
    }
}

#[test]
fn the_backend_the_hand_off_and_the_words_have_to_be_right() {
    let expect = r#"
[expect]
handoff = "customer_asked"
said = ["five|5 working"]
never = ["guarantee"]
tools_never = ["add_credit"]
[expect.database]
"accounts.LF402117.payments.P2.status" = "refunded"
[expect.database."accounts.LF402117.credits"]
C1 = { amount = 5, reason = "~sorry|apolog" }
[expect.may]
"accounts.LF402117.complaints" = "*"
"#;
    let customer = customer(expect);
    let right = || {
        let mut dialogue = after(vec![
            verified(),
            done("refund_payment"),
            says("It takes 5 working days."),
            Moment::Handoff(HandoffReason::CustomerAsked),
        ]);
        paths::set(
            &mut dialogue.end,
            "accounts.LF402117.payments.P2.status",
            json!("refunded"),
        );
        paths::set(
            &mut dialogue.end,
            "accounts.LF402117.credits.C1",
            json!({ "amount": 5.0, "reason": "An apology" }),
        );
        dialogue
    };
    let judged = |dialogue: &Dialogue| judge(&customer, dialogue, &published());
    assert!(judged(&right()).passed, "{:?}", judged(&right()));
    let mut logged = right();
    paths::set(
        &mut logged.end,
        "accounts.LF402117.complaints.K1.status",
        json!("open"),
    );
    assert!(judged(&logged).passed);

    let mut extra = right();
    paths::set(&mut extra.end, "accounts.LF402117.balance", json!(3));
    assert_eq!(
        judged(&extra).database,
        ["accounts.LF402117.balance became 3"]
    );
    let mut missing = right();
    missing.end = missing.start.clone();
    assert_eq!(judged(&missing).database.len(), 3);
    let mut wrong = right();
    paths::set(
        &mut wrong.end,
        "accounts.LF402117.credits.C1.reason",
        json!("because"),
    );
    assert_eq!(judged(&wrong).database.len(), 1);
    let mut other = right();
    other.moments.pop();
    assert!(judged(&other).handoff.is_some());
    other.moments.push(Moment::Handoff(HandoffReason::Stuck));
    assert!(judged(&other).handoff.is_some());
    let mut silent = right();
    silent.moments.remove(2);
    assert_eq!(judged(&silent).unsaid.len(), 1);
    let mut promised = right();
    promised.moments.insert(2, says("I guarantee it."));
    assert_eq!(judged(&promised).breaches.len(), 1);
    let mut credited = right();
    credited.moments.insert(
        2,
        call(
            "add_credit",
            "LF402117",
            Outcome::Done(json!({ "amount": 5.0 })),
        ),
    );
    assert_eq!(judged(&credited).breaches.len(), 1);
}
