//! Draws the Mandelbrot set in worker processes, with a progress bar, into a PNG file.
//!
//! ```sh
//! cargo run --release --example mandelbrot
//! cargo run --release --example mandelbrot -- --kill   # a worker is killed half way; the picture is whole all the same
//! ```
//!
//! The image is one shared array; each worker takes the next row when it is done with the last. Rows through the set take hundreds of
//! times as long as those beside it, so nobody could share them out beforehand.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use procshare::{Array, Pool, plain_message};

/// Draws the Mandelbrot set in worker processes.
#[derive(Debug, Parser)]
struct Args {
    /// Pixels from left to right.
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    width: u32,
    /// Pixels from top to bottom.
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    height: u32,
    /// Steps after which a point counts as one of the set.
    #[arg(long, default_value_t = 1000)]
    steps: u32,
    /// Worker processes; without it, as many as there are processors.
    #[arg(long)]
    workers: Option<usize>,
    /// Where the picture goes.
    #[arg(long, default_value = "mandelbrot.png")]
    output: PathBuf,
    /// Kills a worker half way.
    #[arg(long)]
    kill: bool,
    /// Draws the picture in this process, too, and compares.
    #[arg(long)]
    check: bool,
}

type Pixel = [u8; 3];

/// What part of the plane is seen, and how closely: each worker gets a copy.
#[derive(Clone, Copy, Debug, bytemuck::NoUninit, bytemuck::AnyBitPattern)]
#[repr(C)]
struct View {
    left: f64,
    top: f64,
    /// From one pixel to the next.
    step: f64,
    most: u32,
    unused: u32,
}
plain_message!(View);

impl View {
    fn of(args: &Args) -> Self {
        let (width, height) = (f64::from(args.width), f64::from(args.height));
        let step = (3.2 / width).max(2.4 / height);
        let (left, top) = (-0.7 - step * width / 2.0, -step * height / 2.0);
        Self { left, top, step, most: args.steps.max(1), unused: 0 }
    }

    /// After how many steps, and a fraction, the point runs away; `None`: it stays.
    fn escape(&self, x: usize, y: usize) -> Option<f64> {
        let (re, im) = (self.left + self.step * x as f64, self.top + self.step * y as f64);
        let (mut a, mut b) = (0.0_f64, 0.0_f64);
        for step in 0..self.most {
            let (aa, bb) = (a * a, b * b);
            if aa + bb > 256.0 {
                return Some(f64::from(step) + 1.0 - (0.5 * (aa + bb).ln()).log2());
            }
            (a, b) = (aa - bb + re, 2.0 * a * b + im);
        }
        None
    }

    fn draw_row(&self, y: usize, row: &mut [Pixel]) {
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = self.escape(x, y).map_or([0, 0, 0], colour);
        }
    }
}

/// From dark blue over white to orange, and back, slower and slower.
fn colour(escape: f64) -> Pixel {
    let phase = (escape + 1.0).max(1.0).ln() * 1.7;
    [0.0, 0.6, 1.1].map(|shift| (127.5 - 127.5 * (phase + 2.1 - shift).cos()) as u8)
}

fn write_png(path: &Path, args: &Args, image: &[Pixel]) -> Result<(), Box<dyn Error>> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), args.width, args.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytemuck::cast_slice(image))?;
    writer.finish()?;
    Ok(())
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let (width, height) = (args.width as usize, args.height as usize);
    let view = View::of(args);

    let mut builder = Pool::builder().name("mandelbrot").retries(1); // a row that a death interrupts is drawn again
    if let Some(workers) = args.workers {
        builder = builder.workers(workers);
    }
    let pool = builder.build()?;
    let workers = pool.workers();
    let mut image = Array::<Pixel>::zeroed(width * height)?;

    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {elapsed} of {duration}")?;
    let bar = ProgressBar::new(image.len() as u64).with_style(style);
    let mut victim = workers.first().filter(|_| args.kill);
    let begun = Instant::now();
    pool.mapping()
        .with(view)
        .chunk(width)
        .on_progress(|done, total| {
            bar.set_position(done);
            if done > total / 2
                && let Some(worker) = victim.take()
            {
                bar.suspend(|| println!("killing {worker}"));
                kill(worker.pid);
            }
        })
        .for_each_chunk_mut(&mut image, |view, y, row| view.draw_row(y, row))?;
    let took = begun.elapsed();
    bar.finish();

    println!("{width} x {height} pixels by {} workers in {took:.2?}", workers.len());
    if args.check {
        let begun = Instant::now();
        let mut alone = vec![[0; 3]; width * height];
        alone.chunks_mut(width).enumerate().for_each(|(y, row)| view.draw_row(y, row));
        println!("in one process {:.2?}", begun.elapsed());
        if image[..] != alone[..] {
            return Err("the pictures differ".into());
        }
        println!("the pictures are the same");
    }
    write_png(&args.output, args, &image)?;
    println!("{}", args.output.display());
    Ok(())
}

#[allow(unsafe_code)] // a signal
fn kill(pid: u32) {
    // SAFETY: kill takes two numbers; the process is a worker of our own pool, which has not been reaped as long as it lives.
    unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
}
