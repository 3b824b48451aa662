//! What the customer and the next colleague get to read.

use super::Assistant;
use super::carry::stream;
use crate::conversation::{ActionReceipt, Conversation, Summary};
use crate::dialogue::ToolEffect;
use crate::error::Result;
use crate::summary::{Recap, Transfer};

impl Assistant {
    /// What the customer gets to keep of a conversation: what was done, with references, and what was said will happen,
    /// word for word. No model writes it, so nothing in it can be made up.
    ///
    /// # Errors
    /// What the store reports, where the receipts are.
    pub async fn recap(&self, conversation: &Conversation) -> Result<String> {
        let mut receipts = self.inner.actions.receipts(&stream(conversation)).await?;
        // What was only looked up changed nothing for them.
        let tools = self.inner.actions.tools();
        receipts.retain(|receipt| {
            tools
                .get(&receipt.tool)
                .is_none_or(|tool| tool.spec().effect != ToolEffect::Read)
        });
        let label = |receipt: &ActionReceipt| self.in_words(receipt);
        Recap::new(&self.inner.organisation, conversation, &receipts, label)
            .render(&self.inner.prompts)
    }

    /// What a colleague who takes over reads first: the need, what was done and what nobody knows whether it was, what
    /// was promised.
    ///
    /// # Errors
    /// What the store reports, where the receipts are.
    pub async fn transfer_summary(
        &self,
        conversation: &Conversation,
        note: &Summary,
    ) -> Result<String> {
        let receipts = self.inner.actions.receipts(&stream(conversation)).await?;
        let label = |receipt: &ActionReceipt| self.in_words(receipt);
        Transfer::new(conversation, note, &receipts, label).render(&self.inner.prompts)
    }

    /// An action in the words of the procedure that called for it, else its tool's name.
    fn in_words(&self, receipt: &ActionReceipt) -> String {
        let step = receipt.source.split_once('#').map_or("", |(step, _)| step);
        let step = step.split_once('/').and_then(|(playbook, step)| {
            let mut playbooks = self.inner.playbooks.iter();
            playbooks.find(|p| p.id == playbook)?.step(step)
        });
        step.map_or_else(|| receipt.tool.replace('_', " "), |step| step.label.clone())
    }
}
