//! The virtual agent in a terminal.

use std::io::BufRead;

use attendant::conversation::{Channel, Conversation, Participant, Role};
use attendant::session::{SessionEvent, SessionInput};
use attendant::{Error, ErrorKind, Result};
use futures::StreamExt;

use crate::args::ChatArgs;
use crate::screen::Screen;
use crate::setup::ready;

pub(crate) async fn run(args: ChatArgs, screen: &Screen) -> Result<()> {
    let ready = ready(&args.setup, args.store.as_deref(), false, screen).await?;
    let mut session = match &args.resume {
        Some(id) => {
            ready
                .assistant
                .resume(ready.tenant.clone(), id.as_str())
                .await?
        }
        None => {
            let mut conversation = Conversation::new(ready.tenant.clone(), Channel::Chat);
            conversation.join(Participant::new("virtual-agent", Role::AutomatedAgent));
            ready.assistant.session(conversation)
        }
    };
    let id = session.conversation().await?.id;
    screen.note(&format!(
        "conversation {id}; an empty line or Ctrl-D ends it"
    ));
    let mut events = session.events();
    let chatting = async {
        while let Some(line) = read_line(screen).await? {
            session.say(Role::EndUser, line).await?;
            session.settle().await?;
        }
        session.send(SessionInput::End).await
    };
    let showing = async {
        while let Some(event) = events.next().await {
            // The customer sees what they typed already.
            if !matches!(&event, SessionEvent::UtteranceFinal(said) if said.role == Role::EndUser) {
                screen.event(&event)?;
            }
        }
        Ok(())
    };
    // When one fails, the other is not waited for; what is shown comes before the next question.
    futures::future::try_join(showing, chatting)
        .await
        .map(|_| ())
}

/// The next line typed; `None` at the end.
async fn read_line(screen: &Screen) -> Result<Option<String>> {
    screen.prompt("You      ");
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map(|_| line.trim().to_owned())
    });
    let failed = |why: std::io::Error| {
        Error::new(ErrorKind::InvalidInput, "cannot read what was typed").with_source(why)
    };
    let line = read
        .await
        .map_err(std::io::Error::other)
        .map_err(failed)?
        .map_err(failed)?;
    Ok(Some(line).filter(|line| !line.is_empty()))
}
