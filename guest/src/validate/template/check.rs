//! Whether a template does no more than templates of prompts do.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::flow::{Made, given};
use super::lexer::{Kind, Token, tokens};
use super::lists::{BY_ATTRIBUTE, FILTERS, FUNCTIONS, METHODS, TAGS, WORDS};
use crate::show;

/// What a template does that others do not, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// Looks at all code of a template.
pub(super) fn check(template: &str) -> Result<(), Fault> {
    let tokens = tokens(template)?;
    let code = Code { made: Made::new(&tokens)?, macros: macros(&tokens), tokens: &tokens };
    code.functions_stay()?;
    (0..tokens.len()).try_for_each(|at| code.token(at))
}

struct Code<'c, 't> {
    tokens: &'c [Token<'t>],
    /// Names of macros, which the template itself defines.
    macros: Vec<&'t str>,
    made: Made,
}

/// The names that follow `macro` at the start of a block.
fn macros<'t>(tokens: &[Token<'t>]) -> Vec<&'t str> {
    let defined = tokens.windows(3).filter_map(|window| match window {
        [one, two, three] => match (&one.kind, &two.kind, &three.kind) {
            (Kind::Block, Kind::Name("macro"), Kind::Name(name)) => Some(*name),
            _ => None,
        },
        _ => None,
    });
    let mut macros: Vec<_> = defined.collect();
    macros.sort_unstable();
    macros.dedup();
    macros
}

impl<'t> Code<'_, 't> {
    fn kind(&self, at: usize) -> Option<&Kind<'t>> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    fn before(&self, at: usize) -> Option<&Kind<'t>> {
        self.kind(at.checked_sub(1)?)
    }

    fn is(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(&Kind::Sign(sign))
    }

    fn token(&self, at: usize) -> Result<(), Fault> {
        let Some(token) = self.tokens.get(at) else { return Ok(()) };
        let fault = |what: String| Err(Fault::new(token.at, what));
        match &token.kind {
            Kind::Name(name)
                if name.contains("__")
                    || name.starts_with('_') && self.before(at) == Some(&Kind::Sign(b'.')) =>
            {
                fault(format!("the name {}", show::name(name)))
            }
            Kind::Name(name) => self.name(at, name).or_else(fault),
            Kind::Text(text) if text.contains("__") => fault(format!("the text {}", show::name(text))),
            Kind::Sign(b'[') => self.subscript(at).or_else(fault),
            Kind::Sign(b'(') => self.call(at).or_else(fault),
            _ => Ok(()),
        }
    }

    /// A name: what comes before it says what it is.
    fn name(&self, at: usize, name: &str) -> Result<(), String> {
        let next = at.saturating_add(1);
        match self.before(at) {
            Some(Kind::Block) if !TAGS.contains(&name) => Err(format!("the statement {}", show::name(name))),
            Some(Kind::Sign(b'|')) if !FILTERS.contains(&name) => {
                Err(format!("the filter {}", show::name(name)))
            }
            Some(Kind::Sign(b'|')) if BY_ATTRIBUTE.contains(&name) && self.is(next, b'(') => {
                self.attributes(next)
            }
            _ => Ok(()),
        }
    }

    /// The attributes that a filter looks up are written there, and plain.
    fn attributes(&self, open: usize) -> Result<(), String> {
        let plain = |at: usize| match self.kind(at) {
            Some(Kind::Text(text)) => {
                let ends = self.is(at.saturating_add(1), b',') || self.is(at.saturating_add(1), b')');
                ends && text.split('.').all(|part| !part.starts_with('_'))
            }
            _ => false,
        };
        let first = open.saturating_add(1);
        let named =
            (first..self.tokens.len()).take_while(|at| self.kind(*at) != Some(&Kind::End)).find(|at| {
                self.kind(*at) == Some(&Kind::Name("attribute")) && self.is(at.saturating_add(1), b'=')
            });
        let filter = match self.before(open) {
            Some(Kind::Name(name)) => *name,
            _ => "",
        };
        let looks_up =
            matches!(filter, "selectattr" | "rejectattr" | "groupby") || filter == "map" && named.is_none();
        let known = filter != "map"
            || matches!(self.kind(first), Some(Kind::Text(text)) if FILTERS.contains(&text.as_str()) && text != "map")
            || named.is_some();
        if !known
            || looks_up && named.is_none() && !plain(first)
            || named.is_some_and(|at| !plain(at.saturating_add(2)))
        {
            return Err(format!("attributes that {} looks up by a name that is made", show::name(filter)));
        }
        Ok(())
    }

    /// What is called is what it is called by: no function gets another value, and no method.
    fn functions_stay(&self) -> Result<(), Fault> {
        let is_called = |name: &str| {
            self.tokens.windows(3).any(|window| match window {
                [dot, method, open] => {
                    dot.kind == Kind::Sign(b'.')
                        && method.kind == Kind::Name(name)
                        && open.kind == Kind::Sign(b'(')
                }
                _ => false,
            })
        };
        let mut looked_at = Vec::new();
        for (name, at) in given(self.tokens) {
            let is_function = FUNCTIONS.contains(&name) || self.macros.binary_search(&name).is_ok();
            if is_function {
                return Err(Fault::new(at, format!("another value for {}", show::name(name))));
            }
            if METHODS.contains(&name) && !looked_at.contains(&name) {
                if is_called(name) {
                    return Err(Fault::new(at, format!("another value for the method {}", show::name(name))));
                }
                looked_at.push(name);
            }
        }
        Ok(())
    }

    /// Whether the name there is a word of the language, behind which an expression begins.
    fn begins_expression(&self, at: usize) -> bool {
        let Some(Kind::Name(name)) = self.kind(at) else { return false };
        match self.before(at) {
            Some(Kind::Block) => TAGS.contains(name),
            Some(Kind::Sign(b'.')) => false,
            _ => WORDS.contains(name),
        }
    }

    /// A call: of a function or method that all templates call, or of a macro.
    fn call(&self, at: usize) -> Result<(), String> {
        let Some(name_at) = at.checked_sub(1) else { return Ok(()) };
        match self.kind(name_at) {
            Some(Kind::Name(name)) => match self.before(name_at) {
                Some(Kind::Sign(b'.')) if METHODS.contains(name) => Ok(()),
                Some(Kind::Sign(b'.')) => Err(format!("the method {}", show::name(name))),
                // Filters and tests are looked at by themselves.
                Some(Kind::Sign(b'|')) | Some(Kind::Name("is" | "macro")) => Ok(()),
                Some(Kind::Name("not")) if self.kind(name_at.wrapping_sub(2)) == Some(&Kind::Name("is")) => {
                    Ok(())
                }
                _ if self.begins_expression(name_at) => Ok(()),
                _ if FUNCTIONS.contains(name) || self.macros.binary_search(name).is_ok() => Ok(()),
                _ => Err(format!("a call of {}", show::name(name))),
            },
            Some(Kind::Sign(b')' | b']' | b'}') | Kind::Text(_) | Kind::Number) => {
                Err("a call of what an expression gives".into())
            }
            _ => Ok(()),
        }
    }

    /// A subscript, which may look an attribute up: by a text that is written there, or a number.
    fn subscript(&self, open: usize) -> Result<(), String> {
        let is_list = match self.before(open) {
            Some(Kind::Name(_)) => open.checked_sub(1).is_some_and(|at| self.begins_expression(at)),
            Some(Kind::Sign(b')' | b']' | b'}') | Kind::Text(_)) => false,
            _ => true,
        };
        if is_list {
            return Ok(());
        }
        let mut depth = 0usize;
        let mut inside = Vec::new();
        for token in self.tokens.get(open.saturating_add(1)..).unwrap_or_default() {
            match token.kind {
                Kind::Sign(b']') if depth == 0 => break,
                Kind::Sign(b'(' | b'[' | b'{') => depth = depth.saturating_add(1),
                Kind::Sign(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                Kind::End => break,
                _ => {}
            }
            inside.push(token);
        }
        if let [Token { kind: Kind::Text(_), .. }] = inside[..] {
            return Ok(());
        }
        if self.made.is_made(&inside) { Err("a subscript of a text that is made".into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn templates_of_real_models_pass() {
        let templates = [
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
            "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{{ '[INST] ' + message['content'].strip() + ' [/INST]' }}{% endfor %}",
            "{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n {%- set date_string = strftime_now(\"%d %b %Y\") %}\n{%- endif %}{%- endif %}\n{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n{%- else %}{%- set system_message = \"\" %}{%- endif %}{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}{%- for t in tools %}{{- t | tojson(indent=4) }}{%- endfor %}",
            "{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{%- if ns.multi_step_tool and message.role == \"user\" and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}{%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}{%- endif %}{%- endfor %}{%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}{{- messages[ns.last_query_index].content }}",
            "{%- macro render(x, y) %}{% for k, v in x.items() %}{{ k }}: {{ x[k] }}{% endfor %}{%- endmacro %}{{ render(tools[0], y=1) }}{# a comment #}{% generation %}{% endgeneration %}",
            "{%- set users = messages | selectattr('role', 'equalto', 'user') | list %}{{ users | map(attribute='content') | join('\\n') }}{{ {'a': {'b': 1}} }}",
            "{%- macro format(argument, escape=True) -%}{%- if argument is mapping -%}{%- for key, value in argument | dictsort -%}{{ format(value, escape=escape) }}{%- endfor -%}{%- endif -%}{{ params['a'] | default([]) }}{%- endmacro -%}{% set _args = tool.arguments or {} %}{% for k, v in _args.items() %}{{ v | tojson(ensure_ascii=False) if v is not string else v }}{% endfor %}{%- if not visible.endswith('/x') and (a is not divisibleby(2)) -%}{{ out[:-1] + tool_call.id[-9:] }}{% endif %}{%- if messages[0]['role'] in ['system', 'developer'] or messages[loop.index0 - 1].role != 'tool' -%}{{ (content.split('</think>', 1)|last).strip('\n') }}{% endif %}",
            "no code { at % all }",
        ];
        for template in templates {
            assert_eq!(check(template), Ok(()), "{template}");
        }
    }

    #[test]
    fn templates_that_reach_further_do_not() {
        for template in [
            "{{ ''.__class__.__mro__[1].__subclasses__() }}",
            "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
            "{{ x['__class__'] }}",
            "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
            "{{ x['\\137\\137class'] }}",
            "{{ x|attr('_' ~ '_class__') }}",
            "{{ x|attr('a') }}",
            "{{ x['_' ~ '_class_' ~ '_'] }}",
            "{% set a = '_' ~ '_class_' ~ '_' %}{{ namespace[a] }}",
            "{% set a = '-' ~ '-' %}{% set b = a|replace('-', '_') %}{{ namespace[b] }}",
            "{% for a in ['_' ~ '_init_' ~ '_'] %}{{ x[a] }}{% endfor %}",
            "{% set ns = namespace(a='_') %}{{ x[ns.a] }}",
            "{% set a %}x{% endset %}{{ x[a] }}",
            "{% macro f(a) %}{{ x[a] }}{% endmacro %}{{ f('_' ~ '_') }}",
            "{% import 'os' as os %}",
            "{% include '/etc/passwd' %}",
            "{% extends x %}",
            "{% from 'x' import y %}",
            "{% raw %}{# {% endraw %}{{ lipsum.__globals__ }}",
            "{{ lipsum() }}",
            "{{ self._TemplateReference__context }}",
            "{{ x['a']('b') }}",
            "{{ (x)('b') }}",
            "{{ x.system('id') }}",
            "{{ messages|map('attr', 'a') }}",
            "{{ messages|map(attribute='__class__') }}",
            "{{ messages|map(attribute='a' ~ b) }}",
            "{{ messages|selectattr('_' ~ 'x') }}",
            "{{ messages|selectattr('a._b') }}",
            "{{ '%c'|format(95) }}",
            "{{ x[(0|string)] }}",
            "{% call f() %}{% endcall %}",
            "{% filter upper %}{% endfilter %}",
            "{% set range = x.system %}{{ range('id') }}",
            "{% set ns.get = x.system %}{{ ns.get('id') }}",
            "{% set generation = x.system %}{{ generation('id') }}",
            "{% set a = 'a' ~ 'b' %}{{ generation[a] }}",
            "{% set a = 'a' ~ 'b' %}{{ x.in[a] }}",
            "{{ x['_' '_class_' '_'] }}",
            "{% macro f(a=g(q), c) %}{{ x[c] }}{% endmacro %}{{ f(1, 'a' ~ 'b') }}",
            "{% macro f(a) %}{{ x[a] }}{% endmacro %}{{ f(a='a' ~ 'b') }}",
            "{{ x",
            "{# x",
        ] {
            assert!(check(template).is_err(), "{template}");
        }
    }
}
