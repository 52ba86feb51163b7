use super::*;
use alloc::string::ToString;

/// A graph as text. What has identity is numbered when first met and only named
/// by its number afterwards; strings and bytes are shown each time.
///
/// ```text
/// #0[1 'a' #0]             a list that holds itself
/// #0{'k':f3ff0000000000000}   a dict; floats as their bits
/// #0@9 call <m n> () state None   a call asked for at offset 9
/// ```
pub(super) fn dump(graph: &Graph) -> String {
    let mut dumper = Dumper { graph, met: Vec::new(), text: String::new() };
    dumper.value(graph.root);
    dumper.text
}

struct Dumper<'a> {
    graph: &'a Graph,
    met: Vec<u32>,
    text: String,
}

impl Dumper<'_> {
    fn value(&mut self, value: Value) {
        let text = match value {
            Value::None => "None".to_string(),
            Value::Bool(true) => "True".to_string(),
            Value::Bool(false) => "False".to_string(),
            Value::Int(number) => format!("{number}"),
            Value::Float(bits) => format!("f{bits:016x}"),
            Value::Object(id) => return self.object(id),
        };
        self.text.push_str(&text);
    }

    fn object(&mut self, id: u32) {
        let plain = match &self.graph.objects[id as usize] {
            Object::BigInt(bytes) => format!("int:{}", hex(bytes)),
            Object::Text(text) if text.bytes().all(|b| b.is_ascii_alphanumeric() || b" _".contains(&b)) => {
                format!("'{text}'")
            }
            Object::Text(text) => format!("str:{}", hex(text.as_bytes())),
            Object::SurrogateText(bytes) => format!("surrogate:{}", hex(bytes)),
            Object::Bytes(bytes) => format!("bytes:{}", hex(bytes)),
            Object::Tuple(items) if items.is_empty() => "()".to_string(),
            Object::Global(global) => format!("<{} {}>", global.module, global.name),
            Object::Extension(code) => format!("<{code}>"),
            object => return self.numbered(id, object),
        };
        self.text.push_str(&plain);
    }

    fn numbered(&mut self, id: u32, object: &Object) {
        if let Some(number) = self.met.iter().position(|&met| met == id) {
            self.text.push_str(&format!("#{number}"));
            return;
        }
        self.text.push_str(&format!("#{}", self.met.len()));
        self.met.push(id);
        match object {
            Object::ByteArray(bytes) => self.text.push_str(&format!("bytearray:{}", hex(bytes))),
            Object::Tuple(items) => self.items("(", items, ")"),
            Object::List(items) => self.items("[", items, "]"),
            Object::Dict(pairs) => self.pairs(pairs),
            Object::Set(items) => self.items("set[", items, "]"),
            Object::FrozenSet(items) => self.items("frozenset[", items, "]"),
            Object::Instance(instance) => self.instance(instance),
            _ => unreachable!("has no number"),
        }
    }

    fn instance(&mut self, instance: &super::super::Instance) {
        let verb = match instance.construct {
            Construct::Call => "call",
            Construct::New => "new",
            Construct::NewEx => "newex",
            Construct::Instance => "instance",
            Construct::Persistent => "persistent",
        };
        self.text.push_str(&format!("@{} {verb} ", instance.offset));
        self.value(instance.callable);
        for argument in [instance.args, instance.kwargs].into_iter().flatten() {
            self.text.push(' ');
            self.value(argument);
        }
        if !instance.items.is_empty() {
            self.items(" items[", &instance.items, "]");
        }
        if !instance.pairs.is_empty() {
            self.text.push_str(" pairs");
            self.pairs(&instance.pairs);
        }
        if let Some(state) = instance.state {
            self.text.push_str(" state ");
            self.value(state);
        }
        if !instance.effects.is_empty() {
            self.items(" effects[", &instance.effects, "]");
        }
        self.text.push(';');
    }

    fn items(&mut self, open: &str, items: &[Value], close: &str) {
        self.text.push_str(open);
        for (index, &item) in items.iter().enumerate() {
            self.text.push_str(if index > 0 { " " } else { "" });
            self.value(item);
        }
        self.text.push_str(close);
    }

    fn pairs(&mut self, pairs: &[(Value, Value)]) {
        self.text.push('{');
        for (index, &(key, value)) in pairs.iter().enumerate() {
            self.text.push_str(if index > 0 { " " } else { "" });
            self.value(key);
            self.text.push(':');
            self.value(value);
        }
        self.text.push('}');
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
