//! Models by name: the catalogue `models/models.toml`, the shared cache, download and checks.
