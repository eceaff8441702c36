//! The corpora of the fuzz targets once more, on stable and in seconds.

use std::path::Path;
use std::{fs, panic};

#[test]
fn corpora() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (target, oracle) in h1_fuzz::TARGETS {
        let mut files = 0;
        for file in fs::read_dir(corpora.join(target)).expect(target) {
            let path = file.expect(target).path();
            let input = fs::read(&path).expect(target);
            let result = panic::catch_unwind(|| oracle(&input));
            assert!(result.is_ok(), "{}", path.display());
            files += 1;
        }
        assert!(files > 0, "no corpus for {target}");
    }
}
