//! Chat templates give the text that transformers gives, and prompts the tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use toolbeam_lm::{ChatTemplate, LmError, ModelFiles, PromptFormat, Tokenizer};

/// `fixtures/templates.json`: see the README beside it.
#[derive(Deserialize)]
struct Recorded {
    variables: BTreeMap<String, String>,
    templates: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    template: String,
    messages: Value,
    tools: Option<Value>,
    add_generation_prompt: bool,
    expected: Option<String>,
    error: Option<String>,
    token_ids: Option<Vec<u32>>,
}

fn recorded() -> Recorded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/templates.json");
    let text = std::fs::read_to_string(path).expect("the fixtures are part of the repository");
    serde_json::from_str(&text).expect("fixtures/README.md describes the form")
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference/policy")
}

/// Holds a rendering against the text that transformers gives, or against a part of its error.
fn check_rendering(name: &str, rendered: Result<String, LmError>, expected: Result<&str, &str>) {
    match (rendered, expected) {
        (Ok(text), Ok(expected)) => assert_eq!(text, expected, "{name}"),
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{name}: {error}"),
        (rendered, expected) => panic!("{name}: rendered {rendered:?}, expected {expected:?}"),
    }
}

#[test]
fn renders_what_transformers_renders() {
    let recorded = recorded();
    for case in &recorded.cases {
        let rendered = ChatTemplate::parse(&recorded.templates[&case.template], &recorded.variables)
            .and_then(|template| {
                template.render(&case.messages, case.tools.as_ref(), case.add_generation_prompt)
            });
        let expected = match (&case.expected, &case.error) {
            (Some(text), None) => Ok(text.as_str()),
            (None, Some(error)) => Err(error.as_str()),
            _ => panic!("{}: a case has a text or an error", case.name),
        };
        check_rendering(&case.name, rendered, expected);
    }
}

#[test]
fn tokens_of_the_template_are_tokens_and_those_of_the_caller_are_text() {
    let recorded = recorded();
    let files = ModelFiles::Folder(policy());
    let source =
        std::fs::read_to_string(policy().join("chat_template.jinja")).expect("the policy has a template");
    assert_eq!(source, recorded.templates["policy"], "the policy has another template; record again");
    let tokenizer = Arc::new(Tokenizer::read(&files).expect("the policy has a tokenizer"));
    let format =
        PromptFormat::new(ChatTemplate::read(&files).expect("the template parses"), Arc::clone(&tokenizer));
    let mut generation_prompt = vec![tokenizer.special("<|im_start|>").expect("a special token")];
    generation_prompt.extend(tokenizer.encode("assistant\n").expect("encodes"));
    let mut seen = 0;
    for case in &recorded.cases {
        let Some(mut expected) = case.token_ids.clone() else { continue };
        if !case.add_generation_prompt {
            expected.extend(&generation_prompt);
        }
        let prompt = format.prompt(&case.messages, case.tools.as_ref()).expect(&case.name);
        assert_eq!(*prompt.tokens, *expected, "{}", case.name);
        seen += 1;
    }
    assert!(seen > 0, "no case has token ids; record again");
}

#[test]
fn a_prompt_whose_text_turns_on_a_special_token_of_the_caller_is_refused() {
    let tokenizer =
        Arc::new(Tokenizer::read(&ModelFiles::Folder(policy())).expect("the policy has a tokenizer"));
    let check = |source: &str, expected: Result<&str, &str>| {
        let template = ChatTemplate::parse(source, &BTreeMap::new()).expect("parses");
        let prompt = PromptFormat::new(template, Arc::clone(&tokenizer))
            .prompt(&json!([{"role": "user", "content": "é<|im_end|>é"}]), None)
            .map(|prompt| prompt.tokens.to_vec());
        match (prompt, expected) {
            (Ok(tokens), Ok(text)) => {
                assert_eq!(tokens, tokenizer.encode(text).expect("encodes"), "{source}")
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{source}: {error}"),
            (prompt, expected) => panic!("{source}: got {prompt:?}, expected {expected:?}"),
        }
    };
    check("{{ messages[0].content }}", Ok("é<|im_end|>é"));
    check("{{ messages[0].content | tojson(ensure_ascii=true) }}", Ok(r#""\u00e9<|im_end|>\u00e9""#));
    check("{{ messages }}", Ok("[{'role': 'user', 'content': 'é<|im_end|>é'}]"));
    check("{{ messages[0].content.split('<|im_end|>')[0] }}", Err("looks for a special token"));
    check("{{ messages[0].content | length }}", Err("looks for a special token"));
}

#[test]
fn special_tokens_come_from_the_tokenizers_configuration() {
    const TEMPLATE: &[u8] = b"{{ bos_token is defined }} {{ eos_token }} {{ pad_token }}";
    let check = |files: &'static [(&str, &[u8])], expected: Result<&str, &str>| {
        let files = ModelFiles::Embedded { name: "m", files };
        let rendered =
            ChatTemplate::read(&files).and_then(|template| template.render(&json!([]), None, true));
        check_rendering(&files.name(), rendered, expected);
    };
    check(
        &[
            ("chat_template.jinja", TEMPLATE),
            (
                "tokenizer_config.json",
                br#"{"eos_token": "<e>", "pad_token": {"content": "<p>"}, "bos_token": null}"#,
            ),
        ],
        Ok("False <e> <p>"),
    );
    check(
        &[(
            "tokenizer_config.json",
            br#"{"bos_token": "<s>", "chat_template": "{{ bos_token }}{{ eos_token }}"}"#,
        )],
        Ok("<s>"),
    );
    check(
        &[(
            "tokenizer_config.json",
            br#"{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}"#,
        )],
        Ok("t"),
    );
    check(
        &[("tokenizer_config.json", br#"{"chat_template": [{"name": "default", "template": "d"}]}"#)],
        Ok("d"),
    );
    check(&[("chat_template.jinja", TEMPLATE)], Ok("False  "));
    check(&[("tokenizer_config.json", br#"{"bos_token": "<s>"}"#)], Err("chat_template is missing"));
    check(&[("chat_template.jinja", b"{% if %}")], Err("chat_template"));
}

/// The texts are those of transformers 5.23.0; the errors are our own.
#[test]
fn expressions_mean_what_they_mean_in_python() {
    let messages = json!([
        {"role": "system", "content": "  it's\u{1c}"},
        {"role": "user", "content": "a\r\nb", "n": 3, "tiny": 1e-7},
        {"role": "tool", "content": [{"type": "text", "text": "é"}]},
    ]);
    let check = |source: &str, expected: Result<&str, &str>| {
        let rendered = ChatTemplate::parse(source, &BTreeMap::new());
        check_rendering(
            source,
            rendered.and_then(|template| template.render(&messages, None, true)),
            expected,
        );
    };
    check(
        "[{{ messages[0].content | trim }}] [{{ messages[0].content.lstrip() }}]",
        Ok("[it's] [it's\u{1c}]"),
    );
    check(
        "{{ messages[1].content.splitlines() }} {{ 'a b c'.rsplit(None, 1) }}",
        Ok("['a', 'b'] ['a b', 'c']"),
    );
    check(
        "{{ ' a  b '.split(' ') }} {{ 'a b '.split(maxsplit=1) }}",
        Ok("['', 'a', '', 'b', ''] ['a', 'b ']"),
    );
    check(
        "{{ 'a-b-c'.rsplit('-', maxsplit=1) }} {{ 'a-b'.partition('-') }}",
        Ok("['a-b', 'c'] ('a', '-', 'b')"),
    );
    check("{{ 'ab'.removeprefix('a') }} {{ 'ab'.removesuffix('b') }} {{ \"it's\".title() }}", Ok("b a It'S"));
    check(
        "{{ messages[2].content }} {{ (1,) }} {{ messages[1].tiny }}",
        Ok("[{'type': 'text', 'text': 'é'}] (1,) 1e-07"),
    );
    check(
        "{{ messages[1:] is sequence }} {{ 'a' is sequence }} {{ none is iterable }}",
        Ok("True True False"),
    );
    check("{{ messages[0].tool_calls | length }} {{ documents is none }}", Ok("0 True"));
    check("{{ messages[1].n / 2 }} {{ -7 // 2 }} {{ 2 ** -1 }} {{ 7 % -4 }}", Ok("1.5 -4 0.5 -1"));
    check("{{ [1, {}] | tojson(separators=(',', ':'), indent=1) }}", Ok("[\n 1,\n {}\n]"));
    check(
        "{{ ['é'] | tojson(true, '\\t') }} {{ {1: none, none: 1} | tojson }}",
        Ok("[\n\t\"\\u00e9\"\n] {\"1\": null, \"null\": 1}"),
    );
    check("{{ messages[0].absent | tojson }}", Err("is not JSON"));
    check("{{ 1 | tojson(compact=true) }}", Err("compact"));
    check("{{ 1 | tojson(separators=',') }}", Err("two strings"));
    check("a\r\n{% if true %}\r\nb\r\n{% endif %}\r\nc\r\n", Ok("a\nb\nc"));
    check("x\n  {% generation %}\n a{% set q = 1 %}\n{%- endgeneration -%}\n b{{ q }}", Ok("x\n ab"));
    check("{{ strftime_now('%Y') | int > 2000 }} {{ strftime_now('%d %b') | length }}", Ok("True 6"));
    check("{{ strftime_now('%!') }}", Err("strftime_now"));
    check("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", Err("fuel"));
}
