//! Typed prompts: a file in `prompts/` each, and one struct that says what it needs.
//!
//! A directory of the host may override any of them; an unknown variable is an error, never an
//! empty string.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::error::{Error, ErrorKind, OrError, Result};

/// The contract of one prompt file: its fields are the variables of the template.
pub trait Template: Serialize {
    /// Name of the file without `.jinja`.
    const NAME: &'static str;
    /// The bundled text.
    const SOURCE: &'static str;
}

/// Renders prompts, the bundled ones or a host's own.
#[derive(Debug)]
pub struct Prompts {
    environment: Environment<'static>,
}

impl Default for Prompts {
    fn default() -> Self {
        Self::bundled()
    }
}

impl Prompts {
    /// The prompts that come with the crate.
    pub fn bundled() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(trimmed_blocks());
        Self { environment }
    }

    /// The bundled prompts, overridden by the `*.jinja` files of `directory`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without such a directory, [`ErrorKind::Config`] if a file is not a
    /// template.
    pub fn with_directory(directory: &Path) -> Result<Self> {
        let shown = directory.display();
        let mut prompts = Self::bundled();
        let entries = std::fs::read_dir(directory).or_error(ErrorKind::NotFound, || {
            format!("cannot read the prompt directory {shown}")
        })?;
        for entry in entries {
            let path = entry
                .or_error(ErrorKind::Config, || format!("cannot list {shown}"))?
                .path();
            let name = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .map(str::to_owned);
            let (Some(name), true) = (name, path.extension().is_some_and(|e| e == "jinja")) else {
                continue;
            };
            let source = std::fs::read_to_string(&path).or_error(ErrorKind::Config, || {
                format!("cannot read the prompt {}", path.display())
            })?;
            prompts
                .environment
                .add_template_owned(name, source)
                .or_error(ErrorKind::Config, || {
                    format!("{} is not a template", path.display())
                })?;
        }
        Ok(prompts)
    }

    /// Renders a prompt; blanks around it are taken off.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if an overriding file asks for a variable that does not exist.
    pub fn render<T: Template>(&self, values: &T) -> Result<String> {
        let values = minijinja::Value::from(minijinja::value::Serde(values));
        let rendered = match self.environment.get_template(T::NAME) {
            Ok(overriding) => overriding.render(values),
            Err(_) => self.environment.render_str(T::SOURCE, values),
        };
        rendered.map(|text| text.trim().to_owned()).map_err(|why| {
            Error::new(ErrorKind::Config, format!("prompt {:?}", T::NAME)).with_source(why)
        })
    }
}

/// Lines that hold only a block leave no empty line behind.
fn trimmed_blocks() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Greeting {
        name: &'static str,
    }
    impl Template for Greeting {
        const NAME: &'static str = "greeting";
        const SOURCE: &'static str = "Hello {{ name }}.\n";
    }

    #[test]
    fn a_directory_overrides_and_a_wrong_variable_is_told() {
        assert_eq!(
            Prompts::bundled()
                .render(&Greeting { name: "Ada" })
                .unwrap(),
            "Hello Ada."
        );
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("greeting.jinja");
        std::fs::write(&file, "Hi {{ name }}!").unwrap();
        let prompts = Prompts::with_directory(directory.path()).unwrap();
        assert_eq!(
            prompts.render(&Greeting { name: "Ada" }).unwrap(),
            "Hi Ada!"
        );
        std::fs::write(&file, "Hi {{ nmae }}!").unwrap();
        let prompts = Prompts::with_directory(directory.path()).unwrap();
        let error = prompts.render(&Greeting { name: "Ada" }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("greeting"), "{error}");
    }
}
