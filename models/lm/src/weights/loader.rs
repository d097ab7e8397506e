//! Loading the data of weights.

use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use safetensors::Dtype;
use tch::{Device, Kind, Tensor};

use super::table::{Place, WeightTable};
use crate::files::ModelFile;
use crate::{LmError, ModelFiles};

/// Bytes that are read at a time. Loading needs twice this beside the tensors themselves: the bytes,
/// and libtorch's copy of them on the way to their type and device.
const PIECE: usize = 4 << 20;

/// How often the progress is logged.
const PROGRESS: Duration = Duration::from_secs(1);

/// Reads the tensors of a folder in the order in which they are asked for.
pub(crate) struct Loader<'a> {
    files: &'a ModelFiles,
    table: &'a WeightTable,
    device: Device,
    kind: Kind,
    /// The shard that is open, and its index.
    open: Option<(usize, ModelFile)>,
    piece: Vec<u8>,
    hasher: blake3::Hasher,
    total: u64,
    done: u64,
    logged: Instant,
}

impl<'a> Loader<'a> {
    /// Loads from `table` to `device`, in the type `kind`. `total` is how many bytes will be asked for.
    pub(crate) fn new(
        files: &'a ModelFiles,
        table: &'a WeightTable,
        (device, kind): (Device, Kind),
        total: u64,
    ) -> Loader<'a> {
        Loader {
            files,
            table,
            device,
            kind,
            open: None,
            piece: Vec::new(),
            hasher: blake3::Hasher::new(),
            total,
            done: 0,
            logged: Instant::now(),
        }
    }

    /// The tensor `name`.
    pub(crate) fn tensor(&mut self, name: &str) -> Result<Tensor, LmError> {
        self.stacked(&[name.to_owned()])
    }

    /// Tensors one below the other: shapes (n, ...), (m, ...) -> (n + m, ...).
    pub(crate) fn stacked(&mut self, names: &[String]) -> Result<Tensor, LmError> {
        let places = names.iter().map(|name| self.table.place(name)).collect::<Result<Vec<_>, _>>()?;
        let mut shape = places[0].shape.clone();
        shape[0] = places.iter().map(|place| place.shape[0]).sum();
        let tensor = Tensor::f_empty(&shape, (self.kind, self.device))?;
        let flat = tensor.f_view([-1])?;
        let mut filled = 0;
        for (name, place) in names.iter().zip(places) {
            self.hasher.update(format!("{name} {:?} {:?}\n", place.dtype, place.shape).as_bytes());
            let count = place.shape.iter().product();
            self.fill(place, &flat.f_narrow(0, filled, count)?)?;
            filled += count;
        }
        Ok(tensor)
    }

    /// A hash of every tensor that was loaded.
    pub(crate) fn digest(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }

    /// Reads a tensor's data into `target`, of shape (elements), piece by piece.
    fn fill(&mut self, place: &Place, target: &Tensor) -> Result<(), LmError> {
        let kind = match place.dtype {
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F16 => Kind::Half,
            Dtype::F32 => Kind::Float,
            other => {
                let file = &self.table.shard(place).file;
                return Err(LmError::file(file, format!("holds {other:?}; convert it to BF16, F16 or F32")));
            }
        };
        let mut offset = 0;
        while offset < place.bytes {
            let length = (place.bytes - offset).min(PIECE as u64);
            self.read_piece(place, offset, length as usize)?;
            let size = kind.elt_size_in_bytes() as u64;
            let count = (length / size) as i64;
            let source = Tensor::f_from_data_size(&self.piece, &[count], kind)?;
            target.f_narrow(0, (offset / size) as i64, count)?.f_copy_(&source)?;
            offset += length;
        }
        Ok(())
    }

    fn read_piece(&mut self, place: &Place, offset: u64, length: usize) -> Result<(), LmError> {
        let file = &self.table.shard(place).file;
        let open = match self.open.take() {
            Some(open) if open.0 == place.shard => open,
            _ => (place.shard, self.files.open(file)?),
        };
        let (_, ModelFile { reader, .. }) = self.open.insert(open);
        self.piece.resize(length, 0);
        reader
            .seek(SeekFrom::Start(place.start + offset))
            .and_then(|_| reader.read_exact(&mut self.piece))
            .map_err(|source| LmError::Read { path: file.into(), source })?;
        self.hasher.update(&self.piece);
        self.done += length as u64;
        if self.logged.elapsed() >= PROGRESS {
            self.logged = Instant::now();
            tracing::info!(mib = self.done >> 20, of_mib = self.total >> 20, "loading weights");
        }
        Ok(())
    }
}
