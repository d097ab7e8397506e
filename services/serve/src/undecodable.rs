//! Requests that are no messages of the contract.

use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::{Code, Status};

use crate::error::{Violation, invalid_argument};

/// What tonic says of a message that is larger than the service accepts.
const TOO_LARGE: &str = "Error, decoded message length too large: ";
/// What prost says of a message that does not decode. `Message.field: ` follows for each level, the
/// innermost first.
const UNDECODABLE: &str = "failed to decode Protobuf message: ";

/// tonic answers INTERNAL to a message that does not decode and OUT_OF_RANGE to one that is too large.
/// Both are mistakes of the caller, and become INVALID_ARGUMENT with the field.
pub(crate) fn name_mistake(response: Response<Body>) -> Response<Body> {
    let violation = Status::from_header_map(response.headers()).and_then(|status| violation(&status));
    violation.map_or(response, |violation| invalid_argument(vec![violation]).into_http())
}

fn violation(status: &Status) -> Option<Violation> {
    let message = status.message();
    match status.code() {
        Code::OutOfRange => message.strip_prefix(TOO_LARGE).map(|sizes| Violation {
            field: "request".to_owned(),
            description: format!("too large: {sizes}; send less, or raise the service's --max-message-bytes"),
        }),
        Code::Internal => message.strip_prefix(UNDECODABLE).map(|rest| {
            let (field, reason) = field_and_reason(rest);
            Violation { field, description: format!("{reason}; send a message of the contract") }
        }),
        _ => None,
    }
}

/// Of `Prompt.messages: SearchRequest.prompt: reason`, the path `prompt.messages` and the reason.
fn field_and_reason(text: &str) -> (String, &str) {
    let mut path = Vec::new();
    let mut rest = text;
    while let Some((level, after)) = rest.split_once(": ")
        && let Some((message, field)) = level.split_once('.')
        && !message.contains(' ')
        && !field.contains(' ')
    {
        path.push(field);
        rest = after;
    }
    path.reverse();
    (if path.is_empty() { "request".to_owned() } else { path.join(".") }, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_of_callers_are_invalid_arguments_and_nothing_else_is() {
        let check = |status: Status, expected: Option<(&str, &str)>| {
            let found = violation(&status);
            let found = found.as_ref().map(|found| (found.field.as_str(), found.description.as_str()));
            assert_eq!(found, expected, "{status:?}");
        };
        let decoding = |path: &str| Status::internal(format!("{UNDECODABLE}{path}not UTF-8: at 3"));
        let remedy = "not UTF-8: at 3; send a message of the contract";
        check(decoding("Prompt.messages: A.prompt: "), Some(("prompt.messages", remedy)));
        check(decoding(""), Some(("request", remedy)));
        check(
            Status::out_of_range(format!("{TOO_LARGE}found 9 bytes, the limit is: 8 bytes")),
            Some((
                "request",
                "too large: found 9 bytes, the limit is: 8 bytes; send less, or raise the service's --max-message-bytes",
            )),
        );
        check(Status::internal("a defect"), None);
        check(Status::invalid_argument(format!("{UNDECODABLE}x")), None);
    }
}
