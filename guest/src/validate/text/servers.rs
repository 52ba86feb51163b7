//! Servers of tools, which agents start by a command: huggingface_hub's `agent.json`, and `mcp.json` and
//! its kin.

use alloc::format;
use alloc::string::String;

use super::settings::Setting;
use crate::show;

/// What an object of JSON says of a server.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// Whether it has servers, or is a list of them.
    has_servers: bool,
    is_server: bool,
    is_stdio: bool,
    /// Where the command is, and what it is if it is a text.
    command: Option<(u64, Option<String>)>,
}

impl Server {
    /// An object or a list below a key, in another.
    pub(super) fn below(above: Option<&Self>, key: Option<&str>) -> Self {
        let has_servers = key.is_some_and(|key| SERVERS.contains(&key));
        let is_server = above.is_some_and(|above| above.has_servers);
        Self { has_servers, is_server, ..Self::default() }
    }

    /// Takes a key that is set to a text, or to a list or an object.
    pub(super) fn value(&mut self, key: &str, at: u64, text: Option<&str>) {
        match key {
            "type" | "transport" | "transportType" => self.is_stdio |= text == Some("stdio"),
            "command" | "cmd" if text != Some("") => self.command = Some((at, text.map(String::from))),
            _ => {}
        }
    }

    pub(super) fn setting(&self) -> Option<Setting> {
        let (at, text) = self.command.as_ref().filter(|_| self.is_stdio || self.is_server)?;
        Some(started(*at, text.as_deref()))
    }
}

/// The words of YAML that say that servers are started.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    command: Option<u64>,
    has_stdio: bool,
    has_own: bool,
    has_any: bool,
}

impl Mentions {
    pub(super) fn word(&mut self, word: &str, at: u64) {
        match word {
            "command" | "cmd" => self.command = self.command.or(Some(at)),
            "stdio" => self.has_stdio = true,
            _ => {
                self.has_own |= OWN.contains(&word);
                self.has_any |= SERVERS.contains(&word);
            }
        }
    }

    /// Words may be anywhere: those that other settings have as well count only together.
    pub(super) fn setting(&self) -> Option<Setting> {
        let has_servers = self.has_own || self.has_any && self.has_stdio;
        self.command.filter(|_| has_servers).map(|at| started(at, None))
    }
}

fn started(at: u64, text: Option<&str>) -> Setting {
    let named = text.map(|text| format!(" is {}", show::name(text))).unwrap_or_default();
    Setting { at, message: format!("`command`{named}: an agent starts the server of tools by it") }
}

/// Keys of servers that nothing else has.
const OWN: &[&str] = &["mcpServers", "mcp_servers", "context_servers", "modelContextProtocolServers"];
/// Keys of servers.
const SERVERS: &[&str] =
    &["servers", "mcp", "mcpServers", "mcp_servers", "context_servers", "modelContextProtocolServers"];
