//! A need does not go round in circles between the virtual agent and people.

use super::{HandoffPolicy, HandoffStage};
use crate::conversation::HandoffReason;
use crate::dialogue::state::DialogueState;

/// Whether the conversation may go to a person now. Danger always may. What came back (or nobody took) does not go again
/// for the same need and reason before something new is known, and there is a most to the number of hand-offs; somebody
/// who asks for a person again has said something new.
pub fn may_hand_off(state: &DialogueState, reason: HandoffReason, policy: &HandoffPolicy) -> bool {
    if reason == HandoffReason::CustomerAtRisk {
        return true;
    }
    let counted = state
        .transfers
        .iter()
        .filter(|earlier| earlier.reason != HandoffReason::CustomerAtRisk)
        .count();
    if counted >= policy.at_most {
        return false;
    }
    if reason == HandoffReason::CustomerAsked {
        return true;
    }
    let known = what_is_known(state);
    !state.transfers.iter().any(|earlier| {
        let is_over = matches!(
            earlier.stage,
            HandoffStage::GivenUp | HandoffStage::Returned { .. }
        );
        is_over
            && earlier.reason == reason
            && earlier.need == state.playbook
            && earlier.known == known
    })
}

/// What is known of the customer's need, as a short sign: another one as soon as a value, a result or an answer is
/// another.
pub fn what_is_known(state: &DialogueState) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let facts = serde_json::json!([state.slots, state.results, state.answers]);
    // FNV-1a: the same in every process, unlike the standard library's.
    let sign = facts.to_string().bytes().fold(OFFSET, |sign, byte| {
        (sign ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    format!("{sign:016x}")
}

/// Leaves the running procedure, which neither the virtual agent nor a person brings further now; what was paused for it
/// goes on.
pub fn set_aside(state: &mut DialogueState) {
    state.playbook = state.paused.pop();
    state.asked = None;
    state.pending = None;
    state.unpin();
    state.stalled = 0;
    state.handed_off = None;
}
