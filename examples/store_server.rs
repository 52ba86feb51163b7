//! Serves a `TCPStore` of PyTorch until its standard input ends.

use std::io::{self, Read};
use std::{env, error};

use strongroom::TcpStoreServer;

fn main() -> Result<(), Box<dyn error::Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    let server = TcpStoreServer::bind(address)?;
    println!("{}", server.local_addr());
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
