//! Whether a template does no more than templates of prompts do.
//!
//! Under plain Jinja, whatever a template reaches it reaches by the attributes of objects. So all
//! that it looks up has a name that leads out of no data, and is written there or comes from
//! outside; what it calls is of a list, by the name that it has there. Then all that it ever gets
//! hold of is data, and the functions and objects that render prompts.

use alloc::format;
use alloc::string::String;

use super::code::Code;
use super::flow::{Flow, Level};
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
    let Some(tokens) = tokens(template)? else { return Ok(()) };
    let mut code = Code::new(&tokens);
    code.all()?;
    code.macros.sort_unstable();
    code.macros.dedup_by_key(|(name, _)| *name);
    let is_macro = |name: &str| code.macros.binary_search_by_key(&name, |(name, _)| name).is_ok();
    let is_given = |name: &str| FUNCTIONS.contains(&name) || OBJECTS.contains(&name) || name == "loop";
    let find = |list: &[(&str, usize)], is: &dyn Fn(&str) -> bool, what: &str| {
        let found = list.iter().find(|(name, _)| is(name));
        found.map_or(Ok(()), |(name, at)| Err(Fault::new(*at, format!("{what} {}", show::name(name)))))
    };
    find(&code.called, &|name| !is_macro(name), "a call of")?;
    // What renderers give is trusted by its name.
    find(&code.macros, &is_given, "another value for")?;
    find(&code.given, &|name| is_macro(name) || is_given(name), "another value for")?;
    // What is stored could be called by a name that says something else.
    find(&code.read, &is_macro, "the macro that is not called,")?;
    let values = code.graph.values()?;
    let made = code.lookups.iter().find(|(by, _)| values.of(by).level > Level::Whole);
    made.map_or(Ok(()), |(_, at)| Err(Fault::new(*at, "a subscript by a text that is made")))?;
    // Tools may have parameters that are called as methods are: `format`, `join`.
    let is_found = |of: &Flow, held: &Flow| values.of(of).is_kept || values.of(held).is_found;
    let found = code.methods.iter().find(|(of, held, _)| is_found(of, held));
    found.map_or(Ok(()), |(.., at)| Err(Fault::new(*at, "a call of what has a name from outside")))
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

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
            "{% set types = {'string': 'str'} %}{% macro f(s) %}{{ types[s.type] }}{{ f(s.items) }}{% endmacro %}{{ f({'type': tools[0].type}) }}",
            "{% for k in ['role', 'content'] %}{{ messages[0][k] }}{% endfor %}{% set k = 'role' if x else 'name' %}{{ m[k] }}",
            "{% set names = {'user': 'U'} %}{% set m = messages[0] %}{{ names[m['role']] | upper }}{{ names.get(m.role, 'x').isalnum() }}",
            "{% set a, b = x.partition(':')[0], 1 %}{% for (k, v) in x.items() if v is not none and k not in ['a'] %}{{ loop.previtem }}{% else %}{% endfor %}",
            "{% macro f(x, y=1) -%}{{ caller() }}{% endmacro f %}{% call f(1) %}{{ '__TOOLS__' }}{% endcall %}",
            "{%- raw -%}{{ x.__class__ }}{%- endraw -%}{{ '%02d'|format(3) }}",
            "{% set ns = namespace(i=0) %}{% set ns.i = ns.i + 1 %}{{ messages[ns.i - 1] }}{{ messages[loop.index0 + 1] if not loop.last }}",
            "{% set parts = [] %}{% set _ = parts.append('a' ~ b) %}{{ parts | join }}{% for k in tools[0].p %}{{ tools[0].p[k].type }}{% endfor %}",
            "{{ x is defined and y is eq 'a' or not z is divisibleby 3 }}{{ strftime_now('%Y') if strftime_now is defined else '' }}",
            "{% with a = 1, b = 'x' %}{{ a }}{% endwith %}{% set c | trim %} d {% endset %}{{ c }}",
            "{% for m in messages|reverse %}{{ m.content|trim|upper }}{% endfor %}{{ messages[-1].role }}{{ messages[-(1)|abs] }}",
            "{% set names = {'user': 'U', 'tool': 'T'} %}{% for m in messages[1:] %}{{ names[m.role] }}{% endfor %}{% for m in messages[::-1] %}{{ names[m['role']].strip() }}{% endfor %}",
            "{% if messages[0].role == 'system' %}{% set turns = messages[1:] %}{% set k = 'a' %}{% else %}{% set turns = messages %}{% set k = 'b' %}{% endif %}{% for t in turns %}{{ t[k] }}{{ {'a': 1}[t.role] }}{% endfor %}",
            "{% set at = messages|length - 1 %}{% set back = 2 %}{{ messages[at - back] }}{{ messages[at + back] }}{{ messages[at * back] }}{{ messages[-at] }}",
            "{% set ns = namespace(a=0, b=1) %}{% for m in messages %}{% set ns.a = ns.a + loop.index0 %}{{ messages[ns.a + ns.b].content.strip() }}{% endfor %}",
            "{% set parts = [] %}{% for m in messages %}{% set i = loop.index0 %}{% set _ = parts.append({'role': m.role, 'content': messages[i].content}) %}{% endfor %}{% for p in parts %}{{ p.content.strip() }}{% endfor %}",
            "{% macro rest(schema, done) %}{% for key in schema if key not in done %}{{ schema[key]|tojson }}{{ schema[key].strip() }}{% endfor %}{% endmacro %}{% for t in tools %}{{ rest(t.function.parameters, ['type']) }}{% endfor %}",
            "{% set turns = [{'role': 'system', 'content': ''}] + messages %}{% for m in turns %}{{ {'user': 1}[m.role] }}{% endfor %}",
            "{{ messages | groupby('role') | map(attribute='list') | first }}{{ messages | map('tojson', indent=2) | join(', ') }}",
        ];
        for template in templates {
            assert_eq!(check(template), Ok(()), "{template}");
        }
    }

    /// Of the constructs that templates of many models are made of.
    #[test]
    fn long_templates_pass() {
        for template in [
            include_str!("prompts/schemas.jinja"),
            include_str!("prompts/system.jinja"),
            include_str!("prompts/thoughts.jinja"),
        ] {
            assert_eq!(check(template), Ok(()), "{template}");
        }
    }

    #[test]
    fn nothing_is_followed_without_end() {
        let long = "{% set a = b %}{% set b = c ~ d %}".repeat(4000);
        assert!(check(&long).is_err());
        let chain = |at| alloc::format!("{{% set ns.a{at} = ns.a{} %}}", at + 1);
        let chain: String = (0..200).map(chain).collect();
        let namespace = "{% set ns = namespace() %}";
        assert!(check(&alloc::format!("{namespace}{chain}{{% set ns.a200 = b ~ c %}}")).is_err());
        for long in [".c", "[b]", " + b", ".get(b)", ".strip()", "|first", "[b:]"] {
            let template = alloc::format!("{{% set b = messages[0].role %}}{{{{ b{} }}}}", long.repeat(3000));
            assert_eq!(check(&template), Ok(()), "{long}");
        }
        let open = "{% if x %}{% for y in z %}{% set a = b %}".repeat(1000);
        assert!(check(&open).is_err());
        assert!(check(&alloc::format!("{open}{}", "{% endfor %}{% endif %}".repeat(1000))).is_ok());
        for deep in ["{{ ", "{{ x[", "{{ x|a(", "{{ not ", "{{ -", "{{ x is eq x", "{{ f(a=", "{{ {1: "] {
            let (open, inside) = deep.split_at(3);
            let template =
                alloc::format!("{open}{}", if inside.is_empty() { "(" } else { inside }.repeat(9000));
            assert!(check(&template).is_err(), "{deep}");
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
            "{{ x['%c'|format(95)] }}",
            "{% for k in dict(gi_frame=1) %}{{ x[k] }}{% endfor %}",
            "{% set d = {} %}{% set _ = d.update(gi_frame=1) %}{{ x[d|first] }}",
            "{% set ns = namespace(a='__class__') %}{{ x[(ns|string)[17:26]] }}",
            "{% set ns = namespace(gi_frame=1) %}",
            "{{ {'strip': (95).to_bytes}.strip(1, 'big') }}",
            "{{ {'strip': x.union}.strip(['gi_frame']) }}",
            "{% raw %}{%\u{a0}endraw%}{{ x.__class__ }}{% raw %}{% endraw %}",
            "{{ messages|map('sort', attribute='a') }}",
            "{{ x['gi_frame'|string] }}",
            "{% call f() %}{% endcall %}",
            "{% filter upper %}{% endfilter %}",
            "{{ (messages|select).gi_frame.f_builtins }}",
            "{{ messages|sum(attribute='gi_frame') }}",
            "{{ messages|sort(false, false, 'a._b') }}",
            "{{ messages|join('', attribute='f_back') }}",
            "{{ messages|map(**{'attribute': 'a'}) }}",
            "{{ messages|sort(*x) }}",
            "{{ messages|map('map', attribute='a') }}",
            "{{ messages|select(x) }}",
            "{% set l = [] %}{% set _ = l.append('_' ~ '_class_' ~ '_') %}{{ x[l[0]] }}",
            "{% set l = [] %}{% set m = l %}{% set _ = m.append('_' ~ 'class') %}{{ x[l[0]] }}",
            "{% for m in messages %}{% set _ = m.update({'role': 'a' ~ 'b'}) %}{% endfor %}{{ x[messages[0].role] }}",
            "{% set ns = namespace(l=[]) %}{% set _ = ns.l.extend(['a' ~ 'b']) %}{% set k = ns['l'] %}{{ x[k[0]] }}",
            "{{ {'count': '_'.join}.count(['', 'class']) }}",
            "{{ x['join'] }}",
            "{{ {'strip': range}.strip(5) }}",
            "{{ x[['gi_frame'].pop()] }}",
            "{{ x['emarf_ig'|reverse] }}",
            "{{ x['emarf_ig'[::-1]] }}",
            "{{ x['x'|int('gi_frame')] }}",
            "{{ x[x|default('gi_frame')] }}",
            "{{ x['agi_frame'.removeprefix('a')] }}",
            "{{ x['GI_FRAME'|lower] }}",
            "{{ x[['gi_frame']|first] }}",
            "{% for k in ['gi_frame'] %}{{ x[k] }}{% endfor %}",
            "{{ x[({'gi_frame': 1}.keys() - [])|first] }}",
            "{{ x[(range(2)|list + ['gi_frame'])[2]] }}",
            "{{ x[bos_token] }}",
            "{{ x['g\\\ri_frame'] }}",
            "{{ x['%c' % 95] }}",
            "{{ x['_' * 2] }}",
            "{{ '{0.x}'.format(x) }}",
            "{{ '{0.x}'['format'](x) }}",
            "{% for x in ['gi_frame', 'b'] %}{{ m[loop.nextitem] }}{% endfor %}",
            "{% for x in ['a'] %}{{ x[loop.cycle('gi_frame', 'b')] }}{% endfor %}",
            "{% macro f() %}{{ x[caller()] }}{% endmacro %}{% call f() %}gi_frame{% endcall %}",
            "{% macro f() %}{{ caller('a' ~ 'b') }}{% endmacro %}{% call(a) f() %}{{ x[a] }}{% endcall %}",
            "{% macro f() %}{% endmacro %}{% set g = f %}",
            "{% macro f() %}{{ varargs }}{% endmacro %}",
            "{{ loop }}",
            "{{ lipsum }}",
            "{{ x is foo }}",
            "{% set namespace = x %}",
            "{% raw %}{{ x }}",
            "{% raw +%}{% endraw %}",
            "{% for a in b recursive %}{{ loop(a) }}{% endfor %}",
            "{% set range = x.system %}{{ range('id') }}",
            "{% set ns.get = x.system %}{{ ns.get('id') }}",
            "{% set generation = x.system %}{{ generation('id') }}",
            "{% set a = 'a' ~ 'b' %}{{ generation[a] }}",
            "{% set a = 'a' ~ 'b' %}{{ x.in[a] }}",
            "{{ x['_' '_class_' '_'] }}",
            "{% macro f(a=g(q), c) %}{{ x[c] }}{% endmacro %}{{ f(1, 'a' ~ 'b') }}",
            "{% macro f(a) %}{{ x[a] }}{% endmacro %}{{ f(a='a' ~ 'b') }}",
            // A sign is of what stands before the filters.
            "{{ messages[-1|replace('-1', 'gi_frame')] }}",
            "{{ messages[+1|string] }}",
            "{{ messages[- -1|default('gi_frame')] }}",
            "{% set k = -1|replace('-1', 'gi_frame') %}{{ messages[k] }}",
            "{{ messages[2**-1|replace('a', 'b') ~ ''] }}",
            "{{ -messages|select.gi_frame }}",
            "{{ x|first.a }}",
            "{{ x is defined.a }}",
            "{{ x is eq if['a' ~ 'b'] }}",
            "{{ x is eq(1)(2) }}",
            // What renderers give has its name for itself.
            "{% macro range(a) %}gi_frame{% endmacro %}{{ messages[range(0)] }}",
            "{% macro raise_exception(a) %}gi_frame{% endmacro %}{{ messages[raise_exception(0)] }}",
            "{% macro namespace() %}gi_frame{% endmacro %}{{ messages[namespace()] }}",
            "{% macro dict(a) %}{{ a }}{% endmacro %}",
            "{% macro strftime_now(a) %}{{ a }}{% endmacro %}",
            "{% macro caller() %}gi_frame{% endmacro %}",
            "{% macro loop() %}gi_frame{% endmacro %}",
            "{% macro lipsum() %}gi_frame{% endmacro %}",
            "{% for range in x %}{% endfor %}",
            "{% for a, (b, dict) in x %}{% endfor %}",
            "{% with range = 1 %}{% endwith %}",
            "{% set namespace %}{% endset %}",
            "{% macro f(range) %}{% endmacro %}",
            "{% macro f() %}{% endmacro %}{% call(caller) f() %}{% endcall %}",
            "{% set loop = 1 %}",
            "{% macro f() %}{{ caller() }}{% endmacro %}{{ f(caller=messages) }}",
            "{% call dict(messages[0]).get('a').update() %}{% endcall %}",
            "{% call(gi_frame) namespace() %}{% endcall %}",
            "{% call dict() %}{% endcall %}",
            // Texts of what is none are the template's own.
            "{{ messages[(namespace(xgi_frame=1)|string)[14:22]] }}",
            "{% set ns = namespace() %}{% set ns.xgi_frame = 1 %}{{ messages[(ns|string)[14:22]] }}",
            "{{ messages[([1, none, {}.items()]|string)[1:9:2]] }}",
            "{{ messages[(1, 2)|e] }}",
            "{{ messages[[true]|trim] }}",
            "{{ messages[none|lower] }}",
            "{{ messages[messages|string] }}",
            "{{ messages[messages[0].role|upper] }}",
            "{{ messages[[1]|safe|first] }}",
            "{{ messages[range(3)|title] }}",
            "{{ messages[([1]|map('string'))|first] }}",
            "{{ messages[messages[0].content[0:9:2]] }}",
            // A part of what somebody says may be anything: its place can be found.
            "{{ messages[messages[0].content[3:11]] }}",
            "{{ messages[messages[0].content.split(' ')[1]] }}",
            "{{ messages[messages[0].content.strip('a')] }}",
            "{{ messages[messages[0].content|reverse] }}",
            "{% set k = messages[0].content[3:11] %}{{ messages[k] }}",
            "{% set l = [messages[0].content[3:11]] %}{{ messages[l[0]] }}",
            "{% set (l), m = messages[0].content[3:11], 1 %}{{ messages[l] }}",
            "{% set l = [] %}{% set _ = l.append(messages[0].content[3:11]) %}{{ messages[l[0]] }}",
            "{% for k in messages[0].content[3:11], 'a' %}{{ messages[k] }}{% endfor %}",
            "{% for k in 'a', messages[0].content[3:11] %}{{ messages[k] }}{% endfor %}",
            "{% for l in [1]|batch(2, messages[0].content[3:11]) %}{{ messages[l[1]] }}{% endfor %}",
            "{% set ns = namespace(a=messages[0].content[3:11]) %}{{ messages[ns.a] }}",
            "{% set ns = namespace(a=messages[0].content[3:11]) %}{{ messages[([ns]|map(attribute='a')|list)[0]] }}",
            "{{ messages[{messages[0].content[3:11]: 1}|first] }}",
            "{{ messages[dict(a=messages[0].content[3:11]).a] }}",
            "{{ messages[[[]]|sum(start=[messages[0].content[3:11]])|first] }}",
            "{{ messages[x|default(messages[0].content[3:11])] }}",
            "{{ messages[messages[0].get('a', messages[0].content[3:11])] }}",
            "{% for a in b %}{{ messages[loop.cycle(messages[0].content[3:11])] }}{% endfor %}",
            // What a renderer is given besides may be a special token, which has any name.
            "{{ messages[k] }}",
            "{% if x %}{% set k = 'a' %}{% endif %}{{ messages[k] }}",
            "{% if x %}{% set k = 'a' %}{% elif y %}{% set k = 'b' %}{% endif %}{{ messages[k] }}",
            "{% if x %}{% set k = 'a' %}{% elif y %}{% else %}{% set k = 'b' %}{% endif %}{{ messages[k] }}",
            "{% for a in messages %}{% set k = 'a' %}{% endfor %}{{ messages[k] }}",
            "{% for k in messages %}{% else %}{{ messages[k] }}{% endfor %}",
            "{% for k in messages[k] %}{% endfor %}",
            "{{ messages[k] }}{% set k = 'a' %}",
            "{% macro f(k) %}{% endmacro %}{{ messages[k] }}",
            "{% macro f() %}{{ messages[k] }}{% endmacro %}{% set k = 'a' %}",
            "{% macro f() %}{{ caller(1) }}{% endmacro %}{% call(k) f(messages[k]) %}{% endcall %}",
            "{% with k = 'a', l = messages[k] %}{% endwith %}",
            "{% with k = 'a' %}{% endwith %}{{ messages[k] }}",
            "{% set k %}{{ messages[k] }}{% endset %}",
            "{% generation %}{% set k = 'a' %}{% endgeneration %}{{ messages[k] }}",
            "{{ messages[tools] }}",
            "{{ messages[documents] }}",
            // What is held by a name is called by it.
            "{% set l = ['gi_frame'] %}{% set ns = namespace() %}{% set ns.copy = l.copy %}{{ messages[ns.copy()[0]] }}",
            "{% set l = ['gi_frame'] %}{% set ns = namespace(items=l.copy) %}{{ messages[ns.items()[0]] }}",
            "{% set k = messages[0].a %}{{ {'count': ''[k]}.count(messages) }}",
            "{% set k = messages[0].a %}{% set d = {'title': ''[k]} %}{{ d.title(1) }}",
            "{{ dict(index=''[messages[0].a]).index(1) }}",
            "{{ dict([['count', ''[messages[0].a]]]).count(1) }}",
            "{% set d = {} %}{% set _ = d.update(count=''[messages[0].a]) %}{{ d.count(1) }}",
            "{% set d = {} %}{% set _ = d.setdefault('count', ''[messages[0].a]) %}{{ d.count(1) }}",
            "{% set ns = namespace(count=''[messages[0].a]) %}{{ ns.count(1) }}",
            "{% set ns = namespace() %}{% set ns.items = ''[messages[0].a] %}{{ ns.items(1) }}",
            "{% set k = messages[0].a %}{% set m = ''[k] %}{% set d = {'count': m} %}{% set e = [d] %}{{ e[0].count(1) }}",
            "{{ namespace({'items': ''[messages[0].a]}).items(1) }}",
            "{% set d = {'title': []} %}{% set _ = d.title.append('gi_frame') %}{{ messages[(d.values()|list)[0][0]] }}",
            "{% set k = 'strip' %}{% set l = [[]] %}{% set d = {k: l.copy} %}{% set _ = d.strip()[0].append('gi_frame') %}{{ messages[l[0][0]] }}",
            "{% set k = 'join' %}{% set l = [[]] %}{% set d = {k: l.copy} %}{% set _ = d.join()[0].append('gi_frame') %}{{ messages[l[0][0]] }}",
            // Blocks are closed as they were opened.
            "{% if x %}",
            "{% endif %}",
            "{% for a in b %}{% endif %}",
            "{% if a %}{% else %}{% else %}{% endif %}",
            "{% for a in b %}{% elif c %}{% endfor %}",
            "{{ x",
            "{# x",
        ] {
            assert!(check(template).is_err(), "{template}");
        }
    }
}
