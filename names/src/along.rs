use alloc::string::String;

use crate::key::Digests;
use crate::pen::{Form, Pen};
use crate::{Nodes, Role};

/// The name of the last of some nodes, each of which refers to the next: for an error,
/// where a node is met before anything is known of all places. A long one is cut.
pub fn along<N: Nodes + ?Sized>(nodes: &N, chain: &[u32]) -> String {
    let digests = Digests::default();
    let mut pen = Pen::new(String::new());
    for pair in chain.windows(2) {
        let &[above, below] = pair else { break };
        let mut way: Option<Role> = None;
        nodes.visit(above, &mut |role, node| {
            if node == below && way.is_none() {
                way = Some(role);
            }
        });
        if let Some(role) = way {
            pen.step(nodes, &digests, role, Form::Plain);
        }
        if pen.out.len() > LONGEST {
            pen.out.push('…');
            break;
        }
    }
    pen.out
}

/// Bytes from which on a name is cut.
const LONGEST: usize = 1024;
