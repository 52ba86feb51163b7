//! What Python 2 and earlier versions of torch wrote.

use super::*;

#[test]
fn python_2_handed_the_items_of_an_ordered_dict_over_as_lists() {
    let pickle = b"\x80\x02ccollections\nOrderedDict\n](](U\x01aK\x01e](U\x01bK\x02ee\x85R.";
    assert_eq!(shown(pickle), "OD{'a': 1, 'b': 2}");
    // An item that is no pair: not what Python 2 wrote.
    let pickle = b"\x80\x02ccollections\nOrderedDict\n]](U\x01aK\x01K\x02ea\x85R.";
    assert_eq!(shown(pickle), "<Call <collections.OrderedDict> args([['a', 1, 2]])>");
}

#[test]
fn a_tensor_before_torch_0_4_has_four_arguments() {
    let pickle = b"\x80\x02ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\n\
        U\x060x1234U\x03cpuK\x06NtQK\x02K\x02K\x02\x86K\x02K\x01\x86tR.";
    assert_eq!(shown(pickle), "float32@0+2[2, 2]/[2, 1]");
}

#[test]
fn hooks_were_none_in_torch_0_4() {
    let pickle = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch.cuda\nHalfStorage\n\
        U\x010U\x06cuda:0K\x06NtQK\x00)\x29\x88NtR.";
    let interpreted = read(pickle).unwrap();
    assert_eq!(show(&interpreted), "float16@0+0[]/[] grad");
    assert_eq!(interpreted.storages[0].location, "cuda:0");
}

#[test]
fn a_view_of_a_storage_shifts_its_tensors() {
    // 4 of 10 floats, from the third on; a tensor over the view's last two.
    let view = |start, size, offset, key: &str| {
        format!(
            "ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\nFloatStorage\nS'root'\nS'cpu'\nI10\n\
             (S'{key}'\nI{start}\nI{size}\nttQI{offset}\n(I2\nt(I1\nttR"
        )
    };
    let read = |pickle: &str| read(format!("{pickle}.").as_bytes());
    let inside = read(&view(2, 4, 2, "view")).unwrap();
    assert_eq!(show(&inside), "float32@0+4[2]/[1]");
    assert_eq!(inside.storages[0].length, 40);
    let beyond = read(&view(2, 4, 3, "view")).unwrap_err().to_string();
    assert!(beyond.contains("expected a tensor inside its view of 16 bytes"), "{beyond}");
    let outside = read(&view(8, 4, 0, "view")).unwrap_err().to_string();
    assert!(outside.contains("expected a view inside its storage of 40 bytes"), "{outside}");
    // torch looks a view up by its key alone.
    let twice =
        read(&format!("({}{}t", view(2, 4, 0, "view"), view(4, 4, 0, "view"))).unwrap_err().to_string();
    assert!(twice.contains("two under `view`"), "{twice}");
    let own = read(&view(2, 4, 0, "root")).unwrap_err().to_string();
    assert!(own.contains("two under `root`"), "{own}");
}

#[test]
fn a_module_in_a_legacy_stream_names_its_class_by_a_persistent_id() {
    let pickle = b"\x80\x02(U\x06modulectorch.nn\nLinear\nU\x04fileU\x06sourcetQ)\x81}b.";
    let interpreted = read(pickle).unwrap();
    assert_eq!(show(&interpreted), "<New <torch.nn.Linear> args() state{}>");
    let [source] = interpreted.sources.as_slice() else { panic!("one source") };
    assert_eq!((&*source.module, &*source.name), ("torch.nn", "Linear"));
    // The second time by its name, and it is one class.
    let twice = b"\x80\x02((U\x06modulectorch.nn\nLinear\nq\0NNtQ)\x81}bh\0t.";
    let interpreted = read(twice).unwrap();
    assert_eq!(show(&interpreted), "(<New <torch.nn.Linear> args() state{}>, #2)");
    assert!(interpreted.sources.is_empty());
    // A class inside another.
    let inner = b"\x80\x02(U\x06modulec__builtin__\ngetattr\n(cm\nO\nU\x01ItRU\x04fileU\x06sourcetQ)\x81.";
    let interpreted = read(inner).unwrap();
    let class = "<Call <builtins.getattr> args(<m.O>, 'I')>";
    assert_eq!(show(&interpreted), format!("<New {class} args()>"));
    let [source] = interpreted.sources.as_slice() else { panic!("one source") };
    assert_eq!((&*source.module, &*source.name), ("m", "O.I"));
    // Other ids are nobody's to resolve.
    assert_eq!(
        shown(b"\x80\x02(U\x06modulectorch.nn\nLinear\ntQ."),
        "<Persistent ('module', <torch.nn.Linear>)>"
    );
}

#[test]
fn a_tensor_may_be_of_a_class_inside_another() {
    let dense = "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nLongStorage\nS'0'\nS'cpu'\nI1\ntQ\
                 I0\n(I1\nt(I1\ntI00\nccollections\nOrderedDict\n)R";
    let (function, args) = dense.split_once("((").unwrap();
    let of = |class: &str| {
        shown(format!("ctorch._tensor\n_rebuild_from_type_v2\n({function}{class}(({args}tNtR.").as_bytes())
    };
    let inside = |outer: &str, name: &str| format!("c__builtin__\ngetattr\n({outer}V{name}\ntR");
    let inner = inside("cm\nO\n", "I");
    let tensor = "int64@0+0[1]/[1]";
    let spelled = "<Call <builtins.getattr> args(<m.O>, 'I')>";
    assert_eq!(of(&inner), format!("subclass({tensor}, {spelled}, None)"));
    assert_eq!(of("cm\nO.I\n"), format!("subclass({tensor}, <m.O.I>, None)"));
    // Both spellings have the same end: what is read in one is written in the other.
    let names = |count| ["I"; 11][..count].join(".");
    let calls = |count| (0..count).fold(String::from("cm\nO\n"), |outer, _| inside(&outer, "I"));
    for (count, is_one) in [(10, true), (11, false)] {
        assert_eq!(of(&format!("cm\nO.{}\n", names(count))).starts_with("subclass"), is_one);
        assert_eq!(of(&calls(count)).starts_with("subclass"), is_one);
    }
    // A method of an object is no class.
    assert!(of(&inside("cm\nO\n)R", "I")).starts_with("<Call"));
}

#[test]
fn a_sparse_tensor_before_torch_2_1_did_not_say_whether_it_is_coalesced() {
    let dense = "ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\nLongStorage\nS'0'\nS'cpu'\nI1\ntQ\
                 I0\n(I1\nI1\nt(I1\nI1\nttR";
    let pickle = format!(
        "ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\n(S'torch.sparse_coo'\ntR\
         ({dense}{dense}ctorch\nSize\n((I3\nttRttR."
    );
    assert_eq!(shown(pickle.as_bytes()), "coo(int64@0+0[1, 1]/[1, 1], int64@0+0[1, 1]/[1, 1], [3], None)");
}
