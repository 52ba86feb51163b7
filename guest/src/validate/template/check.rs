//! Whether a template does no more than templates of prompts do.
//!
//! Under plain Jinja, whatever a template reaches it reaches by the attributes of objects. So all
//! that it looks up has a name that leads out of no data, and is written there or comes from
//! outside; what it calls is of a list, by the name that it has there. Then all that it ever gets
//! hold of is data, and the functions and objects that render prompts.

use alloc::format;
use alloc::string::String;

use super::code::Code;
use super::flow::Level;
use super::lexer::tokens;
use super::lists::{FUNCTIONS, OBJECTS};
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
    let mut code = Code::new(&tokens);
    code.all()?;
    code.macros.sort_unstable();
    code.macros.dedup();
    let is_macro = |name: &str| code.macros.binary_search(&name).is_ok();
    let is_given = |name: &str| FUNCTIONS.contains(&name) || OBJECTS.contains(&name) || name == "loop";
    let find = |list: &[(&str, usize)], is: &dyn Fn(&str) -> bool, what: &str| {
        let found = list.iter().find(|(name, _)| is(name));
        found.map_or(Ok(()), |(name, at)| Err(Fault::new(*at, format!("{what} {}", show::name(name)))))
    };
    find(&code.called, &|name| !is_macro(name), "a call of")?;
    find(&code.given, &|name| is_macro(name) || is_given(name), "another value for")?;
    // What is stored could be called by a name that says something else.
    find(&code.read, &is_macro, "the macro that is not called,")?;
    let levels = code.graph.levels()?;
    let made = code.lookups.iter().find(|(by, _)| levels.of(by) == Level::Made);
    made.map_or(Ok(()), |(_, at)| Err(Fault::new(*at, "a subscript by a text that is made")))
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
