//! The support dashboard: what it draws, as SVG on the server.

pub mod chart;
pub mod lifecycle;
mod svg;
