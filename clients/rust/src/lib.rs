//! A Rust client for Toolbeam: given tools and a conversation, which function
//! calls should be made?
//!
//! ```no_run
//! use toolbeam_client::v1::{Message, Prompt, Role, SearchRequest, Tool};
//! use toolbeam_client::{Client, ClientConfig};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("localhost:50050", ClientConfig::default()).await?;
//! let reply = client
//!     .search(SearchRequest {
//!         prompt: Some(Prompt {
//!             messages: vec![Message {
//!                 role: Role::User.into(),
//!                 content: "What is the weather in Oslo?".to_owned(),
//!                 ..Message::default()
//!             }],
//!             tools: vec![Tool {
//!                 name: "get_weather".to_owned(),
//!                 description: "The weather of a city".to_owned(),
//!                 parameters: r#"{"type": "object", "properties": {"city": {"type": "string"}}}"#
//!                     .to_owned(),
//!             }],
//!         }),
//!         ..SearchRequest::default()
//!     })
//!     .await?;
//! for call in reply.answers.first().map(|answer| &answer.calls).into_iter().flatten() {
//!     println!("{}({})", call.name, call.arguments);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Which calls may be made is up to the request, every field of which is documented in the contract:
//!
//! ```
//! use toolbeam_client::v1::tool_choice::{Choice, Required};
//! use toolbeam_client::v1::{SearchRequest, ToolChoice};
//!
//! let exactly_one_call = SearchRequest {
//!     tool_choice: Some(ToolChoice { choice: Some(Choice::Required(Required {})) }),
//!     max_calls: 1,
//!     ..SearchRequest::default()
//! };
//! # assert_eq!(exactly_one_call.max_calls, 1);
//! ```

mod client;
mod error;
mod events;
mod policy;

pub use client::{Client, ClientConfig};
pub use error::{ClientError, FieldViolation};
pub use events::{Event, Events, Happening};
pub use policy::Continuations;
pub use tonic::Code;
pub use tonic::transport::Channel;
pub use toolbeam_proto::{FILE_DESCRIPTOR_SET, v1};
