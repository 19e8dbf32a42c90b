//! The API's description: as `OpenAPI`, and as one page to read, made from it.

use std::fmt::Write as _;

use axum::Router;
use axum::http::{HeaderName, header};
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// Nothing but the page's own style, which is known by its hash.
const POLICY: &str = "default-src 'none'; style-src 'sha256-3XCwuQkIZKivi+eElF4ISpG9ofH02JtIR0hZEB1a++I='; \
    base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

const STYLE: &str = include_str!("docs.css");

/// The routes of the description.
pub(super) fn router(document: &OpenApi) -> Router {
    let json = serde_json::to_string(document).unwrap_or_default();
    let html = page(&serde_json::to_value(document).unwrap_or_default());
    let json_kind = [(header::CONTENT_TYPE, "application/json")];
    let html_kind: [(HeaderName, &str); 2] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    Router::new()
        .route("/api/openapi.json", get(async move || (json_kind, json)))
        .route("/api/docs", get(async move || (html_kind, html)))
}

fn page(document: &Value) -> String {
    let mut html = Html::default();
    let info = at(document, "info");
    let title = text(info, "title");
    html.raw("<!doctype html><html lang=en><meta charset=utf-8>");
    html.raw("<meta name=viewport content=\"width=device-width\"><title>");
    html.text(title);
    html.raw(&format!("</title><style>{STYLE}</style><h1>"));
    html.text(title);
    html.raw("</h1>");
    html.prose(at(info, "description"));
    html.raw("<p>As OpenAPI: <a href=/api/openapi.json>/api/openapi.json</a></p><nav><ul>");
    for (heading, operation) in operations(document) {
        html.raw("<li>");
        html.link(text(operation, "operationId"), &heading);
        html.raw(" ");
        html.text(text(operation, "summary"));
    }
    html.raw("</ul></nav>");
    for (heading, operation) in operations(document) {
        html.operation(&heading, operation);
    }
    html.raw("<h2>Shapes</h2>");
    for (name, schema) in members(at(at(document, "components"), "schemas")) {
        html.schema(name, schema);
    }
    html.0
}

/// A member of an object; null where there is none.
fn at<'a>(value: &'a Value, member: &str) -> &'a Value {
    value.get(member).unwrap_or(&Value::Null)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    at(value, member).as_str().unwrap_or_default()
}

/// All operations, each with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let paths = members(at(document, "paths"));
    paths.flat_map(|(path, item)| {
        let methods = METHODS.iter().filter(|method| at(item, method).is_object());
        methods.map(move |method| {
            (
                format!("{} {path}", method.to_uppercase()),
                at(item, method),
            )
        })
    })
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A page as it grows.
#[derive(Default)]
struct Html(String);

impl Html {
    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '&' => self.raw("&amp;"),
                '"' => self.raw("&quot;"),
                c => self.0.push(c),
            }
        }
    }

    /// Text in which backticks mark code.
    fn marked(&mut self, text: &str) {
        for (index, part) in text.split('`').enumerate() {
            if index % 2 == 1 {
                self.code(part);
            } else {
                self.text(part);
            }
        }
    }

    fn code(&mut self, text: &str) {
        self.raw("<code>");
        self.text(text);
        self.raw("</code>");
    }

    fn prose(&mut self, text: &Value) {
        for paragraph in text.as_str().unwrap_or_default().split("\n\n") {
            self.raw("<p>");
            self.marked(paragraph);
            self.raw("</p>");
        }
    }

    fn link(&mut self, to: &str, text: &str) {
        self.raw("<a href=\"#");
        self.text(to);
        self.raw("\">");
        self.code(text);
        self.raw("</a>");
    }

    fn heading(&mut self, level: u8, id: &str, text: &str) {
        let _infallible = write!(self.0, "<h{level} id=\"");
        self.text(id);
        self.raw("\">");
        self.text(text);
        let _infallible = write!(self.0, "</h{level}>");
    }

    fn operation(&mut self, heading: &str, operation: &Value) {
        let id = text(operation, "operationId");
        self.heading(2, id, heading);
        self.prose(at(operation, "description"));
        let parameters: Vec<&Value> = items(at(operation, "parameters")).collect();
        if !parameters.is_empty() {
            self.raw("<table><tr><th>Parameter<th>");
            for parameter in parameters {
                self.raw("<tr><td>");
                self.code(text(parameter, "name"));
                if at(parameter, "required") == true {
                    self.raw(" (needed)");
                }
                self.raw("<td>");
                self.marked(text(parameter, "description"));
            }
            self.raw("</table>");
        }
        for (kind, content) in members(at(at(operation, "requestBody"), "content")) {
            self.raw("<p>Send ");
            self.kind(at(content, "schema"));
            self.raw(" as ");
            self.code(kind);
            self.raw("</p>");
        }
        self.raw("<table><tr><th>Answer<th>");
        for (status, response) in members(at(operation, "responses")) {
            self.raw("<tr><td>");
            self.code(status);
            self.raw("<td>");
            for (kind, content) in members(at(response, "content")) {
                self.kind(at(content, "schema"));
                self.raw(" as ");
                self.code(kind);
            }
        }
        self.raw("</table>");
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        self.heading(3, name, name);
        self.prose(at(schema, "description"));
        let parts: Vec<&Value> = match at(schema, "allOf").as_array() {
            Some(parts) => parts.iter().collect(),
            None => vec![schema],
        };
        for part in parts {
            if at(part, "$ref").is_string() {
                self.raw("<p>All of ");
                self.kind(part);
                self.raw(", and:</p>");
            } else if at(part, "properties").is_object() {
                self.properties(part);
            } else {
                self.raw("<p>");
                self.kind(part);
                self.raw("</p>");
            }
        }
    }

    fn properties(&mut self, schema: &Value) {
        self.raw("<table><tr><th>Member<th>Type<th>");
        for (name, property) in members(at(schema, "properties")) {
            let is_always = items(at(schema, "required")).any(|required| required == name);
            self.raw("<tr><td>");
            self.code(name);
            if !is_always {
                self.raw(" (may be absent)");
            }
            self.raw("<td>");
            self.kind(property);
            self.raw("<td>");
            // What may be absent is "one of" a shape, which has the words, and null.
            let choices = items(at(property, "oneOf"));
            for described in std::iter::once(property).chain(choices) {
                self.marked(text(described, "description"));
            }
        }
        self.raw("</table>");
    }

    /// The kind of a value, in words.
    fn kind(&mut self, schema: &Value) {
        if let Some(target) = at(schema, "$ref").as_str() {
            let name = target.rsplit('/').next().unwrap_or_default();
            self.link(name, name);
        } else if at(schema, "enum").is_array() {
            let words: Vec<&str> = items(at(schema, "enum"))
                .filter_map(Value::as_str)
                .collect();
            self.text(&words.join(" | "));
        } else if let Some(choices) = at(schema, "oneOf").as_array() {
            for (index, choice) in choices
                .iter()
                .filter(|one| at(one, "type") != "null")
                .enumerate()
            {
                self.raw(if index > 0 { " | " } else { "" });
                self.kind(choice);
            }
        } else if at(schema, "items").is_object() {
            self.raw("list of ");
            self.kind(at(schema, "items"));
        } else if at(schema, "additionalProperties").is_object() {
            self.raw("map of ");
            self.kind(at(schema, "additionalProperties"));
        } else {
            let one = at(schema, "type").as_str().into_iter();
            let several = items(at(schema, "type")).filter_map(Value::as_str);
            let words: Vec<&str> = one.chain(several).filter(|kind| *kind != "null").collect();
            self.text(&words.join(" | "));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// SHA-256 in base64, as policies write it.
    fn hash(text: &str) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let hash = suite
            .tls13()
            .unwrap()
            .common
            .hash_provider
            .hash(text.as_bytes());
        let mut encoded = String::new();
        for bytes in hash.as_ref().chunks(3) {
            let number = bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u32::from(*byte));
            let number = number << (8 * (3 - bytes.len()));
            for digit in 0..4 {
                let index = (number >> (18 - 6 * digit) & 63) as usize;
                let is_there = digit <= bytes.len();
                encoded.push(if is_there { DIGITS[index] as char } else { '=' });
            }
        }
        encoded
    }

    #[test]
    fn the_policy_lets_the_style_through_and_nothing_else() {
        let style = format!("style-src 'sha256-{}';", hash(STYLE));
        assert!(POLICY.contains(&style), "the style has changed: {style}");
        assert!(POLICY.starts_with("default-src 'none';"));
    }

    #[test]
    fn text_of_the_document_stays_text() {
        let html = page(&json!({
            "info": { "title": "<b>", "description": "see `a<b`" },
            "paths": { "/x\"y": { "get": { "operationId": "\"><script>" } } },
        }));
        assert!(html.contains("<h1>&lt;b&gt;</h1><p>see <code>a&lt;b</code></p>"));
        assert!(!html.contains("<script"), "{html}");
    }
}
