//! A server as a process on its core: what it takes of the core and of memory.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// A running process, which ends with this.
pub struct Process(Child);

impl Process {
    /// Starts a program on some cores, such as `0` or `0-1`; what it says goes into `log`.
    pub fn start(cores: &str, program: &str, arguments: &[String], log: &Path) -> Self {
        let file = fs::File::create(log).unwrap();
        let child = Command::new("taskset")
            .args(["-c", cores, program])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("taskset (util-linux) is needed: {error}"));
        Self(child)
    }

    /// Starts this program again, for what it does beside comparing.
    pub fn of_this(core: usize, arguments: &[&str], folder: &Path) -> Self {
        let this = std::env::current_exe().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let log = folder.join(format!("{}.log", arguments[0]));
        Self::start(&core.to_string(), this.to_str().unwrap(), &arguments, &log)
    }

    /// Seconds of CPU that it has used.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(self.file("stat")).unwrap();
        let behind_name = stat.rsplit_once(')').unwrap().1;
        let fields: Vec<&str> = behind_name.split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Resident memory, in megabytes; none once it has ended.
    pub fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(self.file("status")).unwrap();
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.map_or("0", |line| line.trim().trim_end_matches(" kB"));
        kb.parse::<f64>().unwrap() / 1024.0
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Tells it to read its files again.
    pub fn hang_up(&self) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps this thread to a core.
pub fn stay_on(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core).unwrap();
    sched_setaffinity(Pid::from_raw(0), &cores).unwrap();
}

/// Writes a file of lines, one for each blocked name, and puts it in the place of the one before.
pub fn convert(list: &Path, to: &Path, head: &str, line: impl Fn(&str) -> String) {
    let names = fs::read_to_string(list).unwrap();
    let new = to.with_extension("new");
    let mut file = std::io::BufWriter::new(fs::File::create(&new).unwrap());
    file.write_all(head.as_bytes()).unwrap();
    for name in names.lines() {
        file.write_all(line(name).as_bytes()).unwrap();
    }
    file.flush().unwrap();
    fs::rename(new, to).unwrap();
}
