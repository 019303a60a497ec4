//! How many connections this process may hold.

use std::io;

/// Makes room for `connections` sockets: raises the soft limit for open files as far as that takes. Says what is to be done
/// where the hard limit is too low.
#[cfg(unix)]
pub(crate) fn make_room_for(connections: usize) -> io::Result<()> {
    let wanted = connections as u64 + OTHER_FILES;
    let allowed = rlimit::increase_nofile_limit(wanted)?;
    if allowed >= wanted {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{connections} connections take {wanted} open files, and the hard limit is {allowed}: raise it (ulimit -Hn)"
    )))
}

/// Nothing limits sockets here but memory.
#[cfg(not(unix))]
pub(crate) fn make_room_for(_connections: usize) -> io::Result<()> {
    Ok(())
}

/// Raises the soft limit for open files as far as it goes, for a server that does not know how many will come.
pub(crate) fn make_all_room() -> io::Result<()> {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX)?;
    Ok(())
}

/// Open files that are no connections: the poll, standard streams, those of /proc.
#[cfg(unix)]
const OTHER_FILES: u64 = 64;

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_the_hard_limit_forbids_is_said() {
        make_room_for(1).unwrap();
        let hard = rlimit::Resource::NOFILE.get_hard().unwrap();
        if let Ok(connections) = usize::try_from(hard)
            && hard < u64::from(u32::MAX)
        {
            let error = make_room_for(connections).unwrap_err().to_string();
            assert!(
                error.contains(&format!("the hard limit is {hard}")),
                "{error}"
            );
        }
    }
}
