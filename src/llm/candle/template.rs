//! The chat template that comes with the model, rendered as its authors meant it.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error as TemplateError, ErrorKind as TemplateErrorKind, context};

use crate::error::{ErrorKind, OrError, Result};

/// Used where a GGUF file brings no template: ChatML.
const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
    {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Renders system and user messages the way a model was trained on.
#[derive(Debug)]
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
}

const NAME: &str = "chat";

impl ChatTemplate {
    pub(super) fn new(source: Option<&str>, bos: &str) -> Result<Self> {
        let mut environment = Environment::new();
        // Templates are written for Python's jinja2.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        environment
            .set_syntax(syntax.or_error(ErrorKind::Internal, || "the template syntax is wrong")?);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function(
            "raise_exception",
            |why: String| -> Result<String, TemplateError> {
                Err(TemplateError::new(TemplateErrorKind::InvalidOperation, why))
            },
        );
        environment
            .add_template_owned(NAME, source.unwrap_or(CHATML).to_owned())
            .or_error(
                ErrorKind::Model,
                || "the chat template in the GGUF file cannot be parsed",
            )?;
        Ok(Self {
            environment,
            bos: bos.to_owned(),
        })
    }

    pub(super) fn render(&self, system: &str, user: &str) -> Result<String> {
        let message = |role: &str, content: &str| context! { role => role, content => content };
        let broken = || "the chat template in the GGUF file cannot be rendered";
        self.environment
            .get_template(NAME)
            .and_then(|template| {
                template.render(context! {
                    messages => [message("system", system), message("user", user)],
                    add_generation_prompt => true,
                    // Qwen3 would think aloud first; nobody on a call waits for that.
                    enable_thinking => false,
                    bos_token => self.bos.as_str(),
                })
            })
            .or_error(ErrorKind::Model, broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_template_chatml_is_used() {
        let rendered = ChatTemplate::new(None, "")
            .unwrap()
            .render("S", "U")
            .unwrap();
        assert_eq!(
            rendered,
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn a_broken_template_is_a_model_error() {
        let error = ChatTemplate::new(Some("{% if %}"), "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model);
    }
}
