//! How fast answers are read, byte by byte as they are generated: bytes per second.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use toolbeam_grammar::{Layout, Parser, Status};

const CALL: &str = r#"{"name": "calculate_route", "arguments": {"from": "Oslo S, Jernbanetorget 1", "to": "Bergen \u2014 Bryggen", "waypoints": ["Gol", "Voss", {"lat": 60.86, "lon": 6.43e0}], "avoid_tolls": true, "limit": 130, "note": null}}"#;

fn parsing(criterion: &mut Criterion) {
    let list = format!("[{CALL}, {CALL}]");
    let blocks = format!(
        "<think>\nTwo ways.\n</think>\n\n<tool_call>\n{CALL}\n</tool_call>\n<tool_call>\n{CALL}\n</tool_call>"
    );
    let mut group = criterion.benchmark_group("parsing");
    for (name, layout, answer) in [("json_list", Layout::JsonList, list), ("hermes", Layout::Hermes, blocks)]
    {
        assert_eq!(read(layout, answer.as_bytes()).status(), Status::Complete, "{name}");
        group.throughput(Throughput::Bytes(answer.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| read(layout, black_box(answer.as_bytes()))));
    }
    group.finish();
}

fn read(layout: Layout, answer: &[u8]) -> Parser {
    let mut parser = Parser::new(layout);
    for byte in answer {
        black_box(parser.feed(std::slice::from_ref(byte)));
    }
    parser.end();
    parser
}

criterion_group!(benches, parsing);
criterion_main!(benches);
