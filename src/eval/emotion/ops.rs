//! Operations that candle computes slowly on this machine, on our kernels, with their slopes.

use attendant_kernels::training::{Side, gelu, gelu_slope, product};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Storage, Tensor, bail};

/// `x * w^T` of a batch `(rows, inputs)` and weights `(outputs, inputs)`.
#[derive(Debug)]
pub(super) struct Product;

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, inputs) = x_layout.shape().dims2()?;
        let (outputs, _) = w_layout.shape().dims2()?;
        let x = Side::rows(numbers(x, x_layout)?, rows, inputs);
        let w = Side::rows(numbers(w, w_layout)?, outputs, inputs);
        let out = multiply(x, w);
        Ok((CpuStorage::F32(out), (rows, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (rows, inputs) = x.dims2()?;
        let (outputs, _) = w.dims2()?;
        let grad = grad.contiguous()?;
        let (x_kept, w_kept, g_kept) = (
            x.storage_and_layout(),
            w.storage_and_layout(),
            grad.storage_and_layout(),
        );
        let x_side = Side::rows(cpu(&x_kept.0, x_kept.1)?, rows, inputs);
        let w_side = Side::rows(cpu(&w_kept.0, w_kept.1)?, outputs, inputs);
        let g_side = Side::rows(cpu(&g_kept.0, g_kept.1)?, rows, outputs);
        let of_x = multiply(g_side, w_side.turned());
        let of_w = multiply(g_side.turned(), x_side.turned());
        Ok((
            Some(Tensor::from_vec(of_x, (rows, inputs), x.device())?),
            Some(Tensor::from_vec(of_w, (outputs, inputs), x.device())?),
        ))
    }
}

/// GELU.
#[derive(Debug)]
pub(super) struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = numbers(x, layout)?;
        let mut out = vec![0.0; x.len()];
        gelu(x, &mut out);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let (x_kept, g_kept) = (x.storage_and_layout(), grad.storage_and_layout());
        let x_numbers = cpu(&x_kept.0, x_kept.1)?;
        let mut out = vec![0.0; x_numbers.len()];
        gelu_slope(x_numbers, cpu(&g_kept.0, g_kept.1)?, &mut out);
        Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
    }
}

fn cpu<'s>(storage: &'s Storage, layout: &Layout) -> Result<&'s [f32]> {
    match storage {
        Storage::Cpu(storage) => numbers(storage, layout),
        _ => bail!("training is for the CPU"),
    }
}

fn numbers<'s>(storage: &'s CpuStorage, layout: &Layout) -> Result<&'s [f32]> {
    let all = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets().and_then(|(a, b)| all.get(a..b)) {
        Some(numbers) => Ok(numbers),
        None => bail!("numbers do not stand one behind the other"),
    }
}

/// `x * y^T`, also on machines without the kernels.
fn multiply(x: Side<'_>, y: Side<'_>) -> Vec<f32> {
    let mut out = vec![0.0; x.height() * y.height()];
    if !product(x, y, &mut out) {
        for (row, out) in out.chunks_exact_mut(y.height().max(1)).enumerate() {
            for (column, out) in out.iter_mut().enumerate() {
                *out = (0..x.width())
                    .map(|at| x.at(row, at) * y.at(column, at))
                    .sum();
            }
        }
    }
    out
}
