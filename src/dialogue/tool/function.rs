//! A tool from a function with typed arguments.

use std::fmt;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Tool, ToolCall, ToolSpec};
use crate::error::{ErrorKind, OrError, Result};

type Function = dyn Fn(ToolCall) -> BoxFuture<'static, Result<Value>> + Send + Sync;

/// A [`Tool`] from a function.
///
/// ```
/// use attendant::dialogue::{FnTool, ToolEffect, ToolSpec};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Order { number: u32 }
///
/// let spec = ToolSpec::new("order_status", "Says where an order is").with_effect(ToolEffect::Read);
/// let tool = FnTool::new(spec, |order: Order, _call| async move {
///     Ok(serde_json::json!({ "order": order.number, "status": "shipped" }))
/// });
/// ```
pub struct FnTool {
    spec: ToolSpec,
    function: Box<Function>,
}

impl FnTool {
    /// Calls `function` with the arguments as its type, whose schema becomes the tool's. Arguments that are no `A` are
    /// [`ErrorKind::InvalidInput`] without calling it.
    pub fn new<A, R, F, Fut>(spec: ToolSpec, function: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize,
        F: Fn(A, ToolCall) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let spec = spec.with_parameters::<A>();
        let name = spec.name.clone();
        let function = move |call: ToolCall| {
            let arguments = A::deserialize(&call.arguments)
                .or_error(ErrorKind::InvalidInput, || {
                    format!("the arguments do not fit tool {name}")
                });
            let name = name.clone();
            let running = arguments.map(|arguments| function(arguments, call));
            async move {
                let result = running?.await?;
                serde_json::to_value(result).or_error(ErrorKind::Malformed, || {
                    format!("the result of tool {name} is no JSON")
                })
            }
            .boxed()
        };
        Self {
            spec,
            function: Box::new(function),
        }
    }
}

impl fmt::Debug for FnTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnTool")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tool for FnTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, call: &ToolCall) -> Result<Value> {
        (self.function)(call.clone()).await
    }
}
