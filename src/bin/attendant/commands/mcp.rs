//! `attendant mcp`: our skills as tools of a host on the same machine.

use attendant::Result;
use attendant::server::mcp::serve_stdio;
use attendant::session::{HubOptions, SessionHub};

use crate::args::McpArgs;
use crate::screen::Screen;
use crate::setup::ready;

pub(crate) async fn run(args: McpArgs, screen: &Screen) -> Result<()> {
    let ready = ready(&args.setup, args.store.as_deref(), false, screen).await?;
    let hub = SessionHub::new(ready.assistant, HubOptions::default());
    let served = serve_stdio(hub.clone(), ready.tenant).await;
    hub.shut_down().await;
    served
}
