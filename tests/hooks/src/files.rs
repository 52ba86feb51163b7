//! Changing the checkpoint.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags};

use super::Outcome;

const OWN: &str = "/checkpoint/checkpoint_0.pt";
const NAME: &str = "checkpoint_0.pt";

pub fn misdeed(name: &str) -> Option<Outcome> {
    if let Some(raw) = name.strip_prefix("raw: ") {
        return misdeed_at_the_host(raw).map(|done| done.map_err(|code| code.name().to_owned()));
    }
    let done = match name {
        "overwrite a file" => fs::write(OWN, "mine"),
        "append to a file" => {
            OpenOptions::new().append(true).open(OWN).and_then(|mut file| file.write_all(b"mine"))
        }
        "truncate a file" => OpenOptions::new().write(true).truncate(true).open(OWN).map(drop),
        "shorten a file that is open to read" => File::open(OWN).and_then(|file| file.set_len(1)),
        "write to a file that is open to read" => {
            File::open(OWN).and_then(|mut file| file.write_all(b"mine"))
        }
        "create a file" => File::create("/checkpoint/mine").map(drop),
        "create a record" => fs::write("/checkpoint/strongroom.json", "{}"),
        "create a directory" => fs::create_dir("/checkpoint/mine"),
        "remove a file" => fs::remove_file(OWN),
        "remove the directory" => fs::remove_dir_all("/checkpoint"),
        "rename a file" => fs::rename(OWN, "/checkpoint/mine"),
        "link a file" => fs::hard_link(OWN, "/checkpoint/mine"),
        "write to a hidden place" => fs::write("/tmp/mine", "mine").or_else(|_| fs::write("mine", "mine")),
        _ => return None,
    };
    Some(done.map_err(|error: io::Error| error.to_string()))
}

/// What the standard library would not even ask the host for.
fn misdeed_at_the_host(name: &str) -> Option<Result<(), ErrorCode>> {
    let directories = get_directories();
    let (checkpoint, _) = directories.first()?;
    let open = |oflags, flags| checkpoint.open_at(PathFlags::empty(), NAME, oflags, flags);
    let read = || open(OpenFlags::empty(), DescriptorFlags::READ);
    let all = DescriptorFlags::READ | DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY;
    Some(match name {
        "open to write" => open(OpenFlags::empty(), DescriptorFlags::WRITE).map(drop),
        "open to create" => open(OpenFlags::CREATE, DescriptorFlags::READ).map(drop),
        "open to truncate" => open(OpenFlags::TRUNCATE, DescriptorFlags::READ).map(drop),
        "open the directory to change it" => {
            checkpoint.open_at(PathFlags::empty(), ".", OpenFlags::DIRECTORY, all).map(drop)
        }
        "change a directory that was opened again" => {
            again(checkpoint).and_then(|directory| directory.create_directory_at("mine"))
        }
        "write" => read().and_then(|file| file.write(b"mine", 0).map(drop)),
        "write as a stream" => read().and_then(|file| file.write_via_stream(0).map(drop)),
        "append as a stream" => read().and_then(|file| file.append_via_stream().map(drop)),
        "set a length" => read().and_then(|file| file.set_size(1)),
        "set times" => read().and_then(|file| file.set_times(NewTimestamp::Now, NewTimestamp::Now)),
        "set times by name" => {
            checkpoint.set_times_at(PathFlags::empty(), NAME, NewTimestamp::Now, NewTimestamp::Now)
        }
        "create a directory" => checkpoint.create_directory_at("mine"),
        "create a symbolic link" => checkpoint.symlink_at("/etc", "mine"),
        "create a link" => checkpoint.link_at(PathFlags::empty(), NAME, checkpoint, "mine"),
        "rename" => checkpoint.rename_at(NAME, checkpoint, "mine"),
        "remove" => checkpoint.unlink_file_at(NAME),
        "remove a directory" => checkpoint.remove_directory_at("."),
        _ => return None,
    })
}

fn again(checkpoint: &Descriptor) -> Result<Descriptor, ErrorCode> {
    checkpoint.open_at(PathFlags::empty(), ".", OpenFlags::DIRECTORY, DescriptorFlags::READ)
}
