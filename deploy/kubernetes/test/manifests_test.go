// Package manifests_test builds the kustomization and holds what comes out
// against Kubernetes itself: its types, its defaults, the validation of its API
// server, and its check of the restricted profile. No cluster and no network.
package manifests_test

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// decode reads one object as strictly as an API server that is asked for
// strict field validation.
func decode(document []byte) (runtime.Object, error) {
	scheme := legacyscheme.Scheme
	options := json.SerializerOptions{Yaml: true, Strict: true}
	object, kind, err := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, options).Decode(document, nil, nil)
	if runtime.IsNotRegisteredError(err) && kind.GroupVersion() == monitoring.SchemeGroupVersion && kind.Kind == "PodMonitor" {
		monitor := &monitoring.PodMonitor{}
		return monitor, yaml.UnmarshalStrict(document, monitor)
	}
	return object, err
}

// validate does what the API server does before it stores an object.
func validate(object runtime.Object) error {
	scheme := legacyscheme.Scheme
	if _, ok := object.(*monitoring.PodMonitor); ok {
		return nil // its types are all there is
	}
	object = object.DeepCopyObject()
	scheme.Default(object)
	internal, err := scheme.UnsafeConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return err
	}
	var problems field.ErrorList
	switch o := internal.(type) {
	case *apps.Deployment:
		problems = appsvalidation.ValidateDeployment(o, corevalidation.PodValidationOptions{})
	case *core.PersistentVolumeClaim:
		problems = corevalidation.ValidatePersistentVolumeClaim(o, corevalidation.ValidationOptionsForPersistentVolumeClaim(o, nil))
	case *core.ConfigMap:
		problems = corevalidation.ValidateConfigMap(o)
	case *core.Secret:
		problems = corevalidation.ValidateSecret(o)
	case *core.ServiceAccount:
		problems = corevalidation.ValidateServiceAccount(o)
	case *networking.NetworkPolicy:
		problems = networkingvalidation.ValidateNetworkPolicy(o, networkingvalidation.NetworkPolicyValidationOptions{})
	default:
		return fmt.Errorf("no validation for %T", o)
	}
	return problems.ToAggregate()
}

// manifests are all that the kustomization makes.
type manifests struct {
	deployment *appsv1.Deployment
	claim      *corev1.PersistentVolumeClaim
	account    *corev1.ServiceAccount
	config     *corev1.ConfigMap
	policy     *networkingv1.NetworkPolicy
	monitor    *monitoring.PodMonitor
}

func build(t *testing.T) manifests {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "..")
	if err != nil {
		t.Fatal(err)
	}
	var m manifests
	for _, resource := range made.Resources() {
		document, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object, err := decode(document)
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		if err := validate(object); err != nil {
			t.Errorf("%v\n%s", err, document)
		}
		if got := object.(metav1.Object).GetNamespace(); got != "sslwatch" {
			t.Errorf("%s is in the namespace %q", resource.CurId(), got)
		}
		switch o := object.(type) {
		case *appsv1.Deployment:
			m.deployment = o
		case *corev1.PersistentVolumeClaim:
			m.claim = o
		case *corev1.ServiceAccount:
			m.account = o
		case *corev1.ConfigMap:
			m.config = o
		case *networkingv1.NetworkPolicy:
			m.policy = o
		case *monitoring.PodMonitor:
			m.monitor = o
		default:
			t.Errorf("unexpected: %s", resource.CurId())
		}
		t.Logf("%s: valid", resource.CurId())
	}
	if m.deployment == nil || m.claim == nil || m.account == nil || m.config == nil || m.policy == nil || m.monitor == nil {
		t.Fatal("something is missing")
	}
	return m
}

func TestManifestsAreValidAndHangTogether(t *testing.T) {
	m := build(t)
	pod := m.deployment.Spec.Template
	if n := *m.deployment.Spec.Replicas; n != 1 || m.deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		t.Errorf("%d replicas, strategy %s; the state has one writer", n, m.deployment.Spec.Strategy.Type)
	}
	if pod.Spec.ServiceAccountName != m.account.Name {
		t.Errorf("the service account %s is not there", pod.Spec.ServiceAccountName)
	}
	secret := ""
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.ConfigMap != nil && v.ConfigMap.Name != m.config.Name:
			t.Errorf("the ConfigMap %s is not there", v.ConfigMap.Name)
		case v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName != m.claim.Name:
			t.Errorf("the claim %s is not there", v.PersistentVolumeClaim.ClaimName)
		case v.Secret != nil:
			secret = v.Secret.SecretName
		}
	}

	set := labels.Set(pod.Labels)
	for what, selector := range map[string]metav1.LabelSelector{
		"the Deployment": *m.deployment.Spec.Selector, "the NetworkPolicy": m.policy.Spec.PodSelector, "the PodMonitor": m.monitor.Spec.Selector,
	} {
		s, err := metav1.LabelSelectorAsSelector(&selector)
		if err != nil || s.Empty() || !s.Matches(set) {
			t.Errorf("%s selects %s, and not just the pod: %v", what, s, err)
		}
	}

	container := pod.Spec.Containers[0]
	ports := map[string]bool{}
	for _, p := range container.Ports {
		ports[p.Name] = true
	}
	for what, port := range map[string]string{
		"startup":   container.StartupProbe.HTTPGet.Port.StrVal,
		"liveness":  container.LivenessProbe.HTTPGet.Port.StrVal,
		"readiness": container.ReadinessProbe.HTTPGet.Port.StrVal,
		"policy":    m.policy.Spec.Ingress[0].Ports[0].Port.StrVal,
		"monitor":   *m.monitor.Spec.PodMetricsEndpoints[0].Port,
	} {
		if !ports[port] {
			t.Errorf("%s: there is no port %q", what, port)
		}
	}

	if !m.monitor.Spec.PodMetricsEndpoints[0].HonorLabels {
		t.Error("Prometheus would call the label instance exported_instance, for which no rule asks")
	}

	// Each file that the configuration names is a key of the Secret, and the
	// other way round.
	document, err := os.ReadFile("../secret.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	object, err := decode(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(object); err != nil {
		t.Error(err)
	}
	example := object.(*corev1.Secret)
	if example.Name != secret {
		t.Errorf("the pod wants the Secret %s, the example is %s", secret, example.Name)
	}
	mounted := ""
	for _, mount := range container.VolumeMounts {
		if mount.Name == "secrets" {
			mounted = mount.MountPath
		}
	}
	var want, got []string
	for line := range strings.Lines(m.config.Data["config.toml"]) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, file := range regexp.MustCompile(`"file:([^"]*)/([^/"]*)"`).FindAllStringSubmatch(line, -1) {
			if file[1] != mounted {
				t.Errorf("no Secret is mounted at %s", file[1])
			}
			want = append(want, file[2])
		}
	}
	for key := range example.StringData {
		got = append(got, key)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("secret.example.yaml has %q, config.toml wants %q", got, want)
	}
}

func TestPodKeepsToTheRestrictedProfile(t *testing.T) {
	m := build(t)
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	pod := m.deployment.Spec.Template
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
	if !result.Allowed {
		t.Error(result.ForbiddenReason(), result.ForbiddenDetail())
	}
	context := pod.Spec.Containers[0].SecurityContext
	if context.ReadOnlyRootFilesystem == nil || !*context.ReadOnlyRootFilesystem {
		t.Error("the root can be written") // the profile doesn't ask for that
	}
}

// TestMistakesAreFound proves that the test above proves something.
func TestMistakesAreFound(t *testing.T) {
	text, err := os.ReadFile("../deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, mistake := range []struct{ old, new, want string }{
		{"replicas: 1", "replica: 1", "unknown field"},
		{"replicas: 1", "replicas: one", "cannot unmarshal"},
		{"replicas: 1", "replicas: 1\n  replicas: 1", "already set"},
		{"type: Recreate", "type: Recreat", "Unsupported value"},
		{"name: http\n", "name: HTTP_PORT\n", "port"},
		{"name: state\n              mountPath", "name: stat\n              mountPath", "Not found"},
		{"drop: [ALL]", "drop: ALL", "cannot unmarshal"},
		{"image: sslwatch", "imagePullPolicy: Often", "Required value"},
	} {
		document := strings.Replace(string(text), mistake.old, mistake.new, 1)
		if document == string(text) {
			t.Errorf("%q is not there", mistake.old)
		}
		object, err := decode([]byte(document))
		if err == nil {
			err = validate(object)
		}
		if err == nil || !strings.Contains(err.Error(), mistake.want) {
			t.Errorf("%q: got %v, want %q", mistake.new, err, mistake.want)
		}
	}
}

// The metadata service of the node is an address beside those that are needed,
// and gives the node's own credentials to whoever reaches it.
func TestThePolicyOpensSingleAddressesAndPorts(t *testing.T) {
	for _, rule := range build(t).policy.Spec.Egress {
		if len(rule.Ports) == 0 {
			t.Error("a rule opens all ports")
		}
		for _, p := range rule.Ports {
			if p.Port == nil || p.EndPort != nil {
				t.Errorf("a rule opens more than one port: %v", p)
			}
		}
		for _, peer := range rule.To {
			if peer.IPBlock == nil {
				continue
			}
			if prefix, err := netip.ParsePrefix(peer.IPBlock.CIDR); err != nil || !prefix.IsSingleIP() || prefix.Addr() == netip.MustParseAddr("169.254.169.254") {
				t.Errorf("a rule opens %s", peer.IPBlock.CIDR)
			}
		}
	}
}
