//! The server, and its configuration.

use std::collections::BTreeSet;
use std::time::Duration;

use attendant::server::{
    ApiKey, Authenticator, Permission, Server, ServerConfig, ServerState, key_digest,
    record_metrics, start_telemetry,
};
use attendant::session::{HubOptions, SessionHub};
use attendant::{Error, ErrorKind, Result};

use crate::args::{ConfigCommand, ServeArgs, Setup};
use crate::screen::Screen;
use crate::setup::ready_with;

pub(crate) async fn serve(args: ServeArgs, screen: &Screen) -> Result<()> {
    let config = configured(&args)?;
    let telemetry = start_telemetry(&config.telemetry)?;
    let served = run(args, config, screen).await;
    telemetry.shut_down().await;
    served
}

/// The file, and what was typed on top of it.
fn configured(args: &ServeArgs) -> Result<ServerConfig> {
    let mut config = match &args.config {
        Some(path) => ServerConfig::load(path)?,
        None => ServerConfig::from_env()?,
    };
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    if let Some(store) = &args.store {
        config.store.url.clone_from(store);
        config.store.secret_url = None;
    }
    let over = |typed: &Option<String>, file: &mut Option<String>| {
        if typed.is_some() {
            file.clone_from(typed);
        }
    };
    over(&args.llm, &mut config.models.llm);
    over(&args.stt, &mut config.models.stt);
    over(&args.embedding, &mut config.models.embedding);
    over(&args.tenant, &mut config.content.tenant);
    if args.knowledge.is_some() {
        config.content.folder.clone_from(&args.knowledge);
    }
    Ok(config)
}

async fn run(args: ServeArgs, mut config: ServerConfig, screen: &Screen) -> Result<()> {
    let has_key = !config.auth.keys.is_empty() || !config.auth.jwt.is_empty();
    if args.dev && !config.server.listen.ip().is_loopback() {
        return Err(wrong(
            "--dev makes a key that may do everything, so it only listens on this machine; \
             give --listen 127.0.0.1:PORT, or keys in a configuration",
        ));
    }
    if !args.dev && !has_key {
        return Err(wrong(
            "nobody could come in: there is no key under auth.keys and no issuer under auth.jwt. \
             `attendant config key` makes a key; `attendant serve --dev` makes one for trying things out",
        ));
    }
    let setup = Setup {
        knowledge: config
            .content
            .folder
            .clone()
            .unwrap_or_else(|| "knowledge".into()),
        tenant: config.content.tenant.clone(),
        index: config.content.index.clone(),
        llm: config.models.llm.clone(),
        stt: config.models.stt.clone(),
        embedding: config.models.embedding.clone(),
    };
    let place = config.store.resolved()?;
    let store = attendant::store::open(&place).await?;
    let _held = attendant::store::hold(&place)?;
    let ready = ready_with(&setup, Some(store), true, screen).await?;
    let dev_key = args.dev.then(dev_key);
    if let Some(key) = &dev_key {
        config.auth.keys.push(ApiKey {
            id: "dev".to_owned(),
            sha256: key_digest(key),
            tenant: ready.tenant.as_str().to_owned(),
            scopes: Permission::all(),
            expires: None,
        });
    }
    let hub = SessionHub::new(ready.assistant, hub_options(&config));
    let mut state = ServerState::new(hub, config)?;
    state.metrics = record_metrics();
    let server = Server::bind(state).await?;
    // The first line says where, for whoever started this with port 0.
    screen.line(&format!("listening on {}", server.url()))?;
    if let Some(key) = &dev_key {
        let desktop = format!("{}/desktop?access_token={key}", server.url());
        screen.line(&format!("key {key} (tenant {})", ready.tenant))?;
        screen.line(&format!("desktop {desktop}"))?;
    }
    server.run(signal()).await
}

/// A key of the host's choice for tests, or a new one.
fn dev_key() -> String {
    std::env::var("ATTENDANT_DEV_KEY")
        .ok()
        .filter(|key| !key.is_empty())
        .unwrap_or_else(new_key)
}

/// 244 random bits.
fn new_key() -> String {
    let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    format!("att_{}{}", one.simple(), two.simple())
}

fn hub_options(config: &ServerConfig) -> HubOptions {
    let mut options = HubOptions::default();
    let sessions = &config.sessions;
    if let Some(most) = sessions.most_live {
        options.most_live = most;
    }
    if let Some(most) = sessions.most_busy {
        options.most_busy = most;
    }
    if let Some(seconds) = sessions.idle_seconds {
        options.idle_after = Duration::from_secs(seconds);
    }
    options
}

/// Ctrl-C, or what an operator's tools send.
async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

pub(crate) fn config(command: ConfigCommand, screen: &Screen) -> Result<()> {
    match command {
        ConfigCommand::Check { file } => {
            let config = ServerConfig::load(&file)?;
            // Keys and secrets are looked at too, so that a server does not fail at its start.
            Authenticator::new(&config.auth, &config.limits)?;
            config.store.resolved()?;
            if let Some(tls) = &config.server.tls {
                for path in [&tls.certificate, &tls.key] {
                    std::fs::metadata(path).map_err(|why| {
                        wrong(format!("server.tls: {} cannot be read", path.display()))
                            .with_source(why)
                    })?;
                }
            }
            if config.auth.keys.is_empty() && config.auth.jwt.is_empty() {
                return Err(wrong(
                    "nobody could come in: there is no key under auth.keys and no issuer under auth.jwt",
                ));
            }
            let tenants: BTreeSet<&str> = config
                .auth
                .keys
                .iter()
                .map(|key| key.tenant.as_str())
                .collect();
            screen.line(&format!(
                "{} is fine: {} keys of {} tenants, {} issuers, store {}",
                file.display(),
                config.auth.keys.len(),
                tenants.len(),
                config.auth.jwt.len(),
                config.store.url.split(':').next().unwrap_or_default(),
            ))
        }
        ConfigCommand::Key => {
            let key = new_key();
            screen.line(&format!("key     {key}"))?;
            screen.line(&format!("sha256  {}", key_digest(&key)))
        }
    }
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, what)
}
