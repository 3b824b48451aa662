//! Binding, TLS, limits on connections, and an orderly end.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::MissedTickBehavior;

use super::router;
use super::state::ServerState;
use crate::conversation::TenantId;
use crate::error::{ErrorKind, OrError, Result};
use crate::session::StrategyWatch;

/// How often callers of the past are forgotten and metrics are tidied up.
const UPKEEP: Duration = Duration::from_secs(30);

/// How often strategies are looked at that wait for a time.
const STRATEGIES: Duration = Duration::from_secs(60);

/// A server that listens already and has not begun to serve.
#[derive(Debug)]
pub struct Server {
    state: ServerState,
    listener: std::net::TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
}

impl Server {
    /// Binds the configured address and reads the certificate.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the address is taken or the certificate cannot be used.
    pub async fn bind(state: ServerState) -> Result<Self> {
        let config = &state.config.server;
        let tls = match &config.tls {
            None => None,
            Some(tls) => {
                // Whoever embeds the library may have chosen a provider already.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let read = RustlsConfig::from_pem_chain_file(&tls.certificate, &tls.key).await;
                Some(read.or_error(ErrorKind::Config, || {
                    format!(
                        "server.tls: {} and {} are no certificate and key in PEM",
                        tls.certificate.display(),
                        tls.key.display()
                    )
                })?)
            }
        };
        let taken = || {
            format!(
                "cannot listen on {}; choose another server.listen, or port 0 for a free one",
                config.listen
            )
        };
        let listener =
            std::net::TcpListener::bind(config.listen).or_error(ErrorKind::Config, taken)?;
        listener
            .set_nonblocking(true)
            .or_error(ErrorKind::Config, taken)?;
        let address = listener.local_addr().or_error(ErrorKind::Config, taken)?;
        Ok(Self {
            state,
            listener,
            address,
            tls,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://…` or `https://…`, as clients reach it.
    pub fn url(&self) -> String {
        let config = &self.state.config.server;
        config.public_url.clone().unwrap_or_else(|| {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{}", self.address)
        })
    }

    /// Serves until `stop` is ready. Then it takes no more connections, ends streams, lets running requests finish,
    /// and stores what was accepted.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if the socket fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let app = router(self.state.clone());
        self.run_app(app, stop).await
    }

    /// As [`run`](Self::run), with routes of the host's own around or beside ours.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_app(self, app: Router, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let Self {
            state,
            listener,
            tls,
            ..
        } = self;
        let limits = &state.config.limits;
        let head = Duration::from_secs(limits.header_seconds);
        let gate = Gate(Arc::new(Semaphore::new(limits.connections)));
        let handle = Handle::new();
        let serving = {
            let mut server = axum_server::from_tcp(listener)
                .or_error(ErrorKind::Unavailable, || "the socket cannot be served")?
                .handle(handle.clone())
                .first_request_timeout(head);
            let builder = server.http_builder();
            builder
                .http1()
                .header_read_timeout(head)
                .max_buf_size(64 * 1024);
            // One connection cannot open streams without end, and a peer that is gone is noticed.
            builder
                .http2()
                .max_concurrent_streams(128)
                .keep_alive_interval(Duration::from_secs(limits.keep_alive_seconds))
                .keep_alive_timeout(head);
            let app = app.into_make_service();
            let serving: BoxFuture<'static, io::Result<()>> = match tls {
                None => Box::pin(async move { server.acceptor(gate).serve(app).await }),
                Some(tls) => {
                    let acceptor = RustlsAcceptor::new(tls)
                        .handshake_timeout(head)
                        .acceptor(gate);
                    Box::pin(async move { server.acceptor(acceptor).serve(app).await })
                }
            };
            serving
        };
        tokio::pin!(serving);
        let strategies = tokio::spawn(drive_strategies(state.clone()));
        let mut upkeep = tokio::time::interval(UPKEEP);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                ended = &mut serving => {
                    strategies.abort();
                    state.hub.shut_down().await;
                    return ended.or_error(ErrorKind::Unavailable, || "the server's socket failed");
                }
                () = &mut stop => break,
                _ = upkeep.tick() => {
                    state.auth.sweep();
                    if let Some(metrics) = &state.metrics {
                        metrics.run_upkeep();
                    }
                }
            }
        }
        strategies.abort();
        tracing::info!("stopping: no new connections, what was accepted is finished");
        state.stopping.cancel();
        let patience = Duration::from_secs(state.config.server.stop_seconds);
        handle.graceful_shutdown(Some(patience));
        let ended = serving.await;
        state.hub.shut_down().await;
        tracing::info!("stopped");
        ended.or_error(ErrorKind::Unavailable, || "the server's socket failed")
    }
}

/// Does what strategies are to do at a time, until it is aborted. An interrupted one goes on with the next server: each
/// step is written down before and after.
async fn drive_strategies(state: ServerState) {
    let mut watched: BTreeMap<TenantId, StrategyWatch> = BTreeMap::new();
    let mut tick = tokio::time::interval(STRATEGIES);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        for tenant in state.auth.tenants() {
            let watch = watched
                .entry(tenant.clone())
                .or_insert_with(|| state.hub.watch_strategies(tenant.clone()));
            match watch.advance(jiff::Timestamp::now()).await {
                Ok(0) => {}
                Ok(driven) => tracing::info!(%tenant, driven, "strategies went on"),
                Err(error) => tracing::warn!(%tenant, %error, "strategies could not be looked at"),
            }
        }
    }
}

/// Lets so many connections in; more are closed at once, so that those that are there stay quick.
#[derive(Clone, Debug)]
struct Gate(Arc<Semaphore>);

impl<S: Send + 'static> Accept<TcpStream, S> for Gate {
    type Stream = Admitted;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Admitted, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let _ = stream.set_nodelay(true);
        std::future::ready(match self.0.clone().try_acquire_owned() {
            Ok(permit) => Ok((
                Admitted {
                    stream,
                    _permit: permit,
                },
                service,
            )),
            Err(_) => {
                tracing::warn!("a connection was closed: there are as many as limits.connections");
                Err(io::Error::new(
                    io::ErrorKind::ConnectionRefused,
                    "too many connections",
                ))
            }
        })
    }
}

/// A connection with its place.
#[derive(Debug)]
struct Admitted {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

mod io_of_admitted {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::Admitted;

    impl AsyncRead for Admitted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Admitted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
        }

        fn is_write_vectored(&self) -> bool {
            self.stream.is_write_vectored()
        }
    }
}
