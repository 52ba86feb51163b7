use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::allowed::{Means, allowed};
use crate::model::{Construct, Global};
use crate::pickle::{Instance, Object, Value};
use crate::show;

/// The objects a pickle made, to look at.
#[derive(Clone, Copy)]
pub(in crate::validate) struct Objects<'a>(pub(in super::super) &'a [Object]);

impl<'a> Objects<'a> {
    /// The object a value refers to.
    pub(super) fn get(self, value: Value) -> Option<&'a Object> {
        match value {
            Value::Object(id) => self.0.get(usize::try_from(id).ok()?),
            _ => None,
        }
    }

    /// A `str`'s characters.
    pub(super) fn text(self, value: Value) -> Option<&'a str> {
        match self.get(value)? {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A `tuple`'s items.
    pub(super) fn tuple(self, value: Value) -> Option<&'a [Value]> {
        match self.get(value)? {
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A class or function.
    pub(super) fn global(self, value: Value) -> Option<&'a Global> {
        match self.get(value)? {
            Object::Global(global) => Some(global),
            Object::Instance(instance) => self.module(instance),
            _ => None,
        }
    }

    /// The class that the persistent id of a module stands for in legacy streams:
    /// `('module', class, source file, source)`.
    pub(super) fn module(self, instance: &Instance) -> Option<&'a Global> {
        if instance.construct != Construct::Persistent || !instance.is_bare() {
            return None;
        }
        match self.tuple(instance.callable)? {
            &[tag, class, _, _] if self.text(tag) == Some("module") => match self.get(class)? {
                Object::Global(global) => Some(global),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a call would make.
    pub(super) fn instance(self, value: Value) -> Option<&'a Instance> {
        match self.get(value)? {
            Object::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// What the table of allowed names says of a value that is one.
    pub(super) fn means(self, value: Value) -> Option<&'static Means> {
        let global = self.global(value)?;
        allowed(&global.module, &global.name)
    }

    /// The plain call of a function by name that made a value.
    pub(super) fn called(self, value: Value) -> Option<(&'a Global, &'a Instance)> {
        let instance = self.instance(value)?;
        let plain = instance.construct == Construct::Call;
        self.global(instance.callable).filter(|_| plain).map(|global| (global, instance))
    }

    /// Whether a value is data that nothing can call.
    pub(super) fn is_data(self, value: Value) -> bool {
        match self.get(value) {
            Some(Object::Global(_)) => matches!(self.means(value), Some(Means::Value)),
            Some(Object::Extension(_)) => false,
            _ => true,
        }
    }

    /// Whether a value is data, or a class that is harmless as a value.
    pub(super) fn is_harmless(self, value: Value) -> bool {
        self.is_data(value) || matches!(self.means(value), Some(Means::Class))
    }

    /// The callable of an instance, in words.
    pub(super) fn callable(self, instance: &Instance) -> String {
        if let Some(global) = self.global(instance.callable) {
            return named(global);
        }
        match self.get(instance.callable) {
            Some(Object::Extension(code)) => format!("extension code {code}"),
            Some(Object::Instance(inner)) => match self.global(inner.callable) {
                Some(global) => format!("what {} returns", named(global)),
                None => "what another call returns".into(),
            },
            _ => self.describe(instance.callable),
        }
    }

    /// A value, in words.
    pub(super) fn describe(self, value: Value) -> String {
        match (value, self.get(value)) {
            (Value::None, _) => "None".into(),
            (Value::Bool(value), _) => format!("the bool {value}"),
            (Value::Int(value), _) => format!("the int {value}"),
            (Value::Float(bits), _) => format!("the float {:?}", f64::from_bits(bits)),
            (Value::Object(_), None) => "nothing".into(),
            (_, Some(object)) => match object {
                Object::BigInt(bytes) => format!("an int of {} bytes", bytes.len()),
                Object::Text(text) => format!("the str {}", show::name(text)),
                Object::SurrogateText(_) => "a str with lone surrogates".into(),
                Object::Bytes(bytes) => format!("{} bytes", bytes.len()),
                Object::ByteArray(bytes) => format!("a bytearray of {} bytes", bytes.len()),
                Object::Tuple(items) => format!("a tuple of {}", items.len()),
                Object::List(items) => format!("a list of {}", items.len()),
                Object::Dict(items) => format!("a dict of {}", items.len()),
                Object::Set(_) => "a set".into(),
                Object::FrozenSet(_) => "a frozenset".into(),
                Object::Global(global) => named(global),
                Object::Extension(code) => format!("extension code {code}"),
                Object::Instance(instance) if instance.construct == Construct::Persistent => {
                    "a persistent object".into()
                }
                Object::Instance(instance) => format!("what {} returns", self.callable(instance)),
            },
        }
    }

    /// The arguments of a call, counted and the first of them shown.
    pub(super) fn arguments(self, instance: &Instance) -> String {
        let Some(args) = instance.args else { return String::from("no arguments") };
        let Some(args) = self.tuple(args) else {
            return format!("{} for arguments", self.describe(args));
        };
        let mut text = match args.len() {
            0 => return String::from("no arguments"),
            1 => String::from("1 argument ("),
            count => format!("{count} arguments ("),
        };
        for (index, &arg) in args.iter().take(SHOWN).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}{}", self.describe(arg));
        }
        text.push_str(if args.len() > SHOWN { ", …)" } else { ")" });
        text
    }
}

/// `module.name`, as Python would print it.
pub(super) fn named(global: &Global) -> String {
    if global.module.is_empty() && global.name.is_empty() {
        return MADE.into();
    }
    show::global(&global.module, &global.name)
}

/// What a name is called that is not in the file, or that nothing was there for.
pub(super) const MADE: &str = "a name that is made as it runs";
/// Arguments shown.
const SHOWN: usize = 3;
