//! `tandem site`: the demo travel site.

use std::net::SocketAddr;
use std::process::ExitCode;

/// Where to serve.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8090")]
    bind: SocketAddr,
}

/// Serves until it is interrupted. The first line on stdout is the address.
pub async fn run(args: &Args) -> ExitCode {
    let site = match crate::site::serve(args.bind).await {
        Ok(site) => site,
        Err(error) => return super::fail(&error),
    };
    let printed = super::print(&format!("{}\n", site.url()));
    if printed != ExitCode::SUCCESS {
        return printed;
    }
    // Without a signal handler the default action ends the process just as well.
    let _ = tokio::signal::ctrl_c().await;
    site.stop().await;
    ExitCode::SUCCESS
}
